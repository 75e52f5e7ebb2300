import { type ChildProcess, spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { leases, queues } from '../../operator/kube/resources.ts'
import { freePort } from '../cluster/ports.ts'
import { useCluster } from './harness/cluster.ts'
import { eventually } from './harness/eventually.ts'
import { World } from './harness/world.ts'

const program = join(import.meta.dirname, '../../operator/main.ts')

type Ran = { readonly code: number | null; readonly stderr: string; readonly stdout: string }

function run(env: Record<string, string>): { child: ChildProcess; ended: Promise<Ran>; output: () => string } {
  const child = spawn(process.execPath, [program], { env: { PATH: process.env['PATH'], ...env } })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (text: Buffer) => {
    stdout += text.toString()
  })
  child.stderr.on('data', (text: Buffer) => {
    stderr += text.toString()
  })
  const ended = new Promise<Ran>((resolve) => child.on('close', (code) => resolve({ code, stderr, stdout })))
  return { child, ended, output: () => stdout }
}

describe('the operator as a process', () => {
  const cluster = useCluster(['statefulset-controller'])
  const settings = (world: World): Record<string, string> => ({
    KUBECONFIG: cluster().operatorKubeconfig,
    PILLION_SIDECAR_IMAGE: 'sidecar:test',
    PILLION_NATS_IMAGE: 'nats:test',
    PILLION_NAMESPACE: world.namespace,
    PILLION_WATCH_NAMESPACES: world.namespace,
    PILLION_HTTP_HOST: '127.0.0.1',
    PILLION_HTTP_PORT: '0',
  })

  it('says what is wrong with its settings, all of it, and ends', async () => {
    const { code, stderr } = await run({ PILLION_RESYNC: 'often' }).ended
    expect(code).toBe(64)
    expect(stderr).toContain('- PILLION_SIDECAR_IMAGE: must name the image of the sidecar')
    expect(stderr).toContain('- PILLION_RESYNC: must be a duration from 1s to 1h')
  })

  it('leads, logs in JSON, and on SIGTERM gives the lease back and ends with 0', async () => {
    await using world = await World.start(cluster(), { operator: false })
    const { child, ended, output } = run(settings(world))
    await world.createQueue('orders')
    // There is no sidecar at the Service's name; everything up to there is the same.
    await world.condition(queues, 'orders', 'BrokerReady', { status: 'True' })
    await world.condition(queues, 'orders', 'Ready', { status: 'False', reason: 'BrokerUnreachable' })
    const held = await world.admin.get(leases, world.at('pillion-operator'))
    expect(held.spec?.holderIdentity).not.toBe('')
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0, stderr: '' })
    const given = await world.admin.get(leases, world.at('pillion-operator'))
    expect(given.spec?.holderIdentity ?? '').toBe('')
    const lines: { msg: string }[] = output()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(['starting', 'leading', 'reconciling', 'stopping']),
    )
  })

  it('says so where there is no cluster to talk to, and ends', async () => {
    await using world = await World.start(cluster(), { operator: false })
    const { code, stdout } = await run({ ...settings(world), KUBECONFIG: '', HOME: '/nowhere' }).ended
    expect(code).toBe(1)
    expect(stdout).toContain('no cluster to talk to: run inside one, or set KUBECONFIG')
  })

  it('waits for an API server that is not there yet: alive, not ready, and ended when it is told to', async () => {
    await using world = await World.start(cluster(), { operator: false })
    const kubeconfig = `${cluster().operatorKubeconfig}.${world.namespace}`
    const text = await readFile(cluster().operatorKubeconfig, 'utf8')
    await writeFile(kubeconfig, text.replace(/server: .*/, 'server: https://127.0.0.1:1'))
    const port = String(await freePort())
    const { child, ended, output } = run({ ...settings(world), KUBECONFIG: kubeconfig, PILLION_HTTP_PORT: port })
    await eventually(() => expect(output()).toMatch(/the lease could not be read or written/))
    const status = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status
    expect(await status('/healthz')).toBe(200)
    expect(await status('/readyz')).toBe(503)
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0 })
  })
})
