import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { queueOperations } from '../../operator/kube/resources.ts'
import { useCluster } from './harness/cluster.ts'
import { eventually } from './harness/eventually.ts'
import { World } from './harness/world.ts'

const MAIN = join(import.meta.dirname, '../../sidecar/cli/main.ts')

describe('pillion, with a kubeconfig', () => {
  const cluster = useCluster(['statefulset-controller'])

  function pillion(world: World, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const env = { ...process.env, KUBECONFIG: world.cluster.plane.kubeconfig, PILLION_HTTP: '' }
    const all = [MAIN, ...args, '-n', world.namespace]
    return new Promise((done) => {
      execFile(process.execPath, all, { env }, (error, out, err) =>
        done({ code: error === null ? 0 : Number(error.code ?? 1), out: out.trim(), err: err.trim() }),
      )
    })
  }

  it('lists Queues, pauses one, and operates on messages by an object', async () => {
    await using world = await World.start(cluster())
    await world.createQueue('orders', { ordering: { mode: 'Priority' } })
    await world.queueReady('orders')
    expect(JSON.parse((await pillion(world, 'queues', '-o', 'json')).out)).toMatchObject([
      { name: 'orders', mode: 'Priority', paused: false },
    ])
    expect(await pillion(world, 'pause', 'orders')).toMatchObject({ code: 0 })
    expect((await world.queue('orders')).spec).toMatchObject({ paused: true })
    const redriving = pillion(
      world,
      'dlq',
      'redrive',
      'orders',
      '--reason',
      'max-attempts',
      '--rate',
      '50',
      '-o',
      'json',
    )
    const { operations } = world.sidecars.queue(world.namespace, 'orders', 'orders')
    await eventually(async () => expect([...operations.values()]).toHaveLength(1))
    for (const [id, operation] of operations) {
      expect(operation).toMatchObject({ kind: 'redrive', select: { reason: 'max-attempts' }, ratePerSecond: 50 })
      operations.set(id, { ...operation, state: 'Succeeded', looked: 10, done: 10 })
    }
    const { code, out } = await redriving
    expect([code, JSON.parse(out)]).toMatchObject([0, { state: 'Succeeded', done: 10, total: 10 }])
    const { items } = await world.admin.list(queueOperations, { namespace: world.namespace })
    expect(items).toMatchObject([
      { spec: { kind: 'Redrive', select: { reason: 'MaxAttempts' }, ttlSecondsAfterFinished: 3600 } },
    ])
    expect(await pillion(world, 'describe', 'nowhere')).toMatchObject({
      code: 1,
      err: 'queues.pillion.dev "nowhere" not found',
    })
  })
})
