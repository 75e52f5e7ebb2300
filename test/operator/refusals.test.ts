import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { queues, secrets, statefulSets } from '../../operator/kube/resources.ts'
import { useCluster } from './harness/cluster.ts'
import { eventually } from './harness/eventually.ts'
import { World } from './harness/world.ts'

describe('a sidecar that says no', () => {
  const cluster = useCluster(['statefulset-controller'])

  it.each([
    { status: 400, code: 'InvalidSpec', field: 'spec.retention.maxBytes', message: 'the volume has no room for it' },
    { status: 409, code: 'ImmutableFieldChanged', field: 'spec.type', message: 'type cannot be changed' },
    { status: 501, code: 'NotImplemented', field: 'spec.ordering.mode', message: 'Priority is not implemented yet' },
  ] as const)(
    '$code is told, is not tried again before the next resync, and heals with the manifest',
    async (refusal) => {
      await using world = await World.start(cluster(), { config: { resyncMs: 600_000 } })
      world.sidecars.broker(world.namespace, 'orders').refusal = refusal
      await world.createQueue('orders')
      const said = { status: 'False', reason: refusal.code, message: `${refusal.field}: ${refusal.message}` } as const
      await world.condition(queues, 'orders', 'Ready', said)
      await world.condition(queues, 'orders', 'Configured', said)
      await world.condition(queues, 'orders', 'BrokerReady', { status: 'True' })
      // Several times as long as the first backoffs would be.
      await sleep(1500)
      expect(world.sidecars.calls).toHaveLength(1)
      world.sidecars.broker(world.namespace, 'orders').refusal = undefined
      await world.patch(queues, 'orders', { spec: { paused: true } })
      await world.queueReady('orders')
      expect(world.sidecars.calls).toHaveLength(2)
    },
  )

  it('is tried again at the next resync', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 1000 } })
    const broker = world.sidecars.broker(world.namespace, 'orders')
    broker.refusal = { status: 400, code: 'InvalidSpec', message: 'no room' }
    await world.createQueue('orders')
    await world.condition(queues, 'orders', 'Ready', { reason: 'InvalidSpec' })
    broker.refusal = undefined
    expect(await world.queueReady('orders')).toMatchObject({ reason: 'Ready', message: 'the queue is ready' })
  })

  it('because the token is wrong: the condition says so, and it heals when the pod has restarted', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 1000 } })
    await world.createQueue('orders')
    await world.queueReady('orders')
    await world.checkToken('orders')
    const template = async () =>
      (await world.admin.get(statefulSets, world.at('orders'))).spec?.template.metadata?.annotations
    const before = await template()
    await world.patch(secrets, 'orders-sidecar', { data: { token: Buffer.from('other').toString('base64') } })
    const condition = await world.condition(queues, 'orders', 'Ready', { status: 'False', reason: 'Unauthorized' })
    expect(condition.message).toBe(
      "the sidecar does not take the operator's token: Secret orders-sidecar changed after pod orders-0 had started; if the pod is not restarted by itself within a minute, delete it",
    )
    // The pods read the new one, since their template changed.
    await eventually(async () => expect(await template()).not.toEqual(before))
    await world.checkToken('orders')
    await world.queueReady('orders')
  })

  it('for a moment, or not at all: what was configured stays configured, and it is asked again', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 1000 } })
    await world.createQueue('orders')
    await world.queueReady('orders')
    const version = async () => (await world.queue('orders')).metadata.resourceVersion
    const before = await version()
    const broker = world.sidecars.broker(world.namespace, 'orders')
    broker.refusal = { status: 503, code: 'BrokerNotReady', message: 'nats-server is not reached yet' }
    const calls = world.sidecars.calls.length
    await eventually(() => expect(world.sidecars.calls.length).toBeGreaterThan(calls + 3))
    expect(await version()).toBe(before)
    broker.refusal = { status: 500, code: 'Internal', message: 'something broke' }
    await world.condition(queues, 'orders', 'Ready', {
      status: 'False',
      reason: 'Internal',
      message: 'something broke',
    })
    broker.refusal = undefined
    await world.queueReady('orders')
  })
})
