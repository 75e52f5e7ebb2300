import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, type JetStreamClient } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EmbeddedRun, listens } from './harness/embedded.ts'
import { eventually, numbered, Puller, until } from './harness.ts'

let folder = ''
let runs: EmbeddedRun[] = []
let connections: NatsConnection[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pillion-embedded-'))
})
afterEach(async () => {
  await Promise.all(connections.map((connection) => connection.close()))
  for (const run of runs) run.dispose()
  runs = []
  connections = []
  await rm(folder, { recursive: true, force: true })
})

const MANIFEST = `
apiVersion: pillion.dev/v1alpha1
kind: Queue
metadata: {name: orders}
spec:
  broker: {durability: Interval, syncInterval: 1s, storage: {size: 10Gi}}
  retry: {visibilityTimeout: 2s, maxAttempts: 10}
`

async function start(...args: string[]): Promise<{ run: EmbeddedRun; nats: string; http: string }> {
  await writeFile(join(folder, 'orders.yaml'), MANIFEST)
  const all = ['--file', join(folder, 'orders.yaml'), '--data', join(folder, 'data'), '--port', '0', '--http-port', '0']
  const run = new EmbeddedRun([...all, ...args])
  runs.push(run)
  return { run, ...(await run.ready()) }
}

async function client(nats: string): Promise<{ js: JetStreamClient; connection: NatsConnection }> {
  const connection = await connect({ servers: nats })
  connections.push(connection)
  return { js: jetstream(connection), connection }
}

describe('embedded mode', () => {
  it('serves stock clients without credentials, and HTTP without a token, on loopback', async () => {
    const { nats, http } = await start()
    const { js } = await client(nats)
    for (const body of numbered(10)) await js.publish('q.orders', body)
    const consumer = await js.consumers.get('orders', 'workers')
    const got: string[] = []
    for await (const message of await consumer.fetch({ max_messages: 10, expires: 5000 })) {
      got.push(message.string())
      message.ack()
    }
    expect(got).toEqual(numbered(10))
    const response = await fetch(`${http}/queues/orders`)
    expect(await response.json()).toMatchObject({ name: 'orders', configured: true })
    expect((await fetch(`${http}/readyz`)).status).toBe(200)
  })

  it('ends cleanly when nobody reads what it prints any more', async () => {
    const { run, nats } = await start('--demo')
    run.child.stdout?.destroy()
    expect(await run.ended()).toBe(0)
    expect(await listens(nats)).toBe(false)
    expect(run.output).not.toContain('EPIPE')
  })

  it('keeps messages, and what is settled, over a restart and over a crash', async () => {
    const first = await start()
    const { js } = await client(first.nats)
    for (const body of numbered(6)) await js.publish('q.orders', body)
    const before = new Puller((await client(first.nats)).connection, 'orders')
    const got = await before.take(3)
    await got[1]?.settle()
    first.run.interruptGroup()
    expect(await first.run.ended()).toBe(0)

    const second = await start()
    const between = new Puller((await client(second.nats)).connection, 'orders')
    const again = await between.take(5)
    expect(again.map(({ text }) => text).toSorted()).toEqual(['m0', 'm2', 'm3', 'm4', 'm5'])
    await again.find(({ text }) => text === 'm3')?.settle()
    second.run.interruptGroup('SIGKILL')
    await second.run.ended()

    const third = await start()
    const after = new Puller((await client(third.nats)).connection, 'orders')
    const rest = await after.take(4)
    expect(rest.map(({ text }) => text).toSorted()).toEqual(['m0', 'm2', 'm4', 'm5'])
  })

  it.each<['SIGINT' | 'SIGTERM', 'group' | 'process']>([
    ['SIGINT', 'group'],
    ['SIGINT', 'process'],
    ['SIGTERM', 'process'],
  ])('ends with code 0 at %s to its %s, and leaves nothing running', async (signal, whom) => {
    const { run, nats, http } = await start()
    const { connection } = await client(nats)
    const puller = new Puller(connection, 'orders')
    puller.request({ batch: 10, expires: 60e9 })
    if (whom === 'group') run.interruptGroup(signal)
    else run.child.kill(signal)
    expect(await run.ended()).toBe(0)
    expect(run.output.split('\n').filter((line) => line !== '')).toEqual([`ready ${nats} ${http}`])
    await eventually(async () => expect([await listens(nats), await listens(http)]).toEqual([false, false]))
  })

  it('ends when it is told twice', async () => {
    const { run } = await start()
    run.child.kill('SIGINT')
    run.child.kill('SIGINT')
    expect(await run.ended()).toBe(0)
  })

  it('does not share its data folder with another one', async () => {
    const first = await start()
    const { js } = await client(first.nats)
    await js.publish('q.orders', 'one')
    const args = [
      '--file',
      join(folder, 'orders.yaml'),
      '--data',
      join(folder, 'data'),
      '--port',
      '0',
      '--http-port',
      '0',
    ]
    const second = new EmbeddedRun(args)
    runs.push(second)
    expect(await second.ended()).toBe(1)
    expect(second.output).toMatch(/--data|data folder/)
    expect(second.output).toContain(join(folder, 'data'))
    await js.publish('q.orders', 'two')
    const puller = new Puller((await client(first.nats)).connection, 'orders')
    expect(await puller.take(2)).toHaveLength(2)
  })

  it('takes the Queues of a folder, whatever else is in it, and says when one is changed', async () => {
    await writeFile(join(folder, 'app.yaml'), 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\n---\n')
    await writeFile(join(folder, 'notes.txt'), 'not a manifest')
    await writeFile(
      join(folder, 'more.json'),
      JSON.stringify({
        apiVersion: 'pillion.dev/v1alpha1',
        kind: 'Queue',
        metadata: { name: 'more', namespace: 'shop' },
        spec: {},
      }),
    )
    await writeFile(
      join(folder, 'broker.yaml'),
      'apiVersion: pillion.dev/v1alpha1\nkind: QueueBroker\nmetadata: {name: shop}\nspec: {durability: Interval, syncInterval: 1s}\n',
    )
    const { http } = await start('--file', folder)
    const response = await fetch(`${http}/queues`)
    expect(await response.json()).toMatchObject({ queues: [{ name: 'more' }, { name: 'orders' }] })
  })

  it('shows a producer and a consumer with --demo', async () => {
    const { run } = await start('--demo')
    await until(
      'a message went through',
      () => /producer .*published/.test(run.output) && /consumer .*acknowledged/.test(run.output),
    )
    run.interruptGroup()
    expect(await run.ended()).toBe(0)
  })

  it('ends with code 1 and what nats-server said when that ends by itself', async () => {
    const { run, nats } = await start()
    const { connection } = await client(nats)
    // Its own server, by the process group that both are in.
    const { stdout } = await import('node:child_process').then(({ spawnSync }) =>
      spawnSync('ps', ['-o', 'pid=,comm=', '-g', String(run.child.pid)], { encoding: 'utf8' }),
    )
    const [, pid] = /(\d+) nats-server/.exec(stdout) ?? []
    expect(pid).toBeDefined()
    process.kill(Number(pid), 'SIGKILL')
    expect(await run.ended()).toBe(1)
    expect(run.output).toContain('nats-server ended')
    await connection.close()
  })
})
