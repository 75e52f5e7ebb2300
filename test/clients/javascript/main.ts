/**
 * What a stock JavaScript client (@nats-io/jetstream) does with a Queue, one check a line of output. Its Go and Python
 * counterparts in the folders beside make the same checks under the same names. The Queues have to be empty and its own.
 *
 * node main.ts --server <url> --proxy <url> --queue <name> --traits <JSON> [--pair <name>] [--group workers]
 *   [--user <name> --password <password>]
 *
 * Connections through the proxy are to be cut when it prints `{"cut":true}`; the traits are those of ../traits.ts.
 */
import { parseArgs } from 'node:util'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import type { Traits } from '../traits.ts'
import { Checks, expect, expectAtLeast } from './check.ts'
import { delivering } from './delivering.ts'
import { groups } from './groups.ts'
import { leaving } from './leaving.ts'
import { Queue } from './queue.ts'
import { settling } from './settling.ts'
import { waiting } from './waiting.ts'

const text = { type: 'string' } as const
const { values } = parseArgs({
  options: {
    server: text,
    proxy: text,
    queue: text,
    traits: text,
    pair: text,
    group: { ...text, default: 'workers' },
    user: text,
    password: text,
  },
})
const { server, proxy, queue, group, pair, user, password } = values
if (server === undefined || proxy === undefined || queue === undefined || values.traits === undefined)
  throw new Error('--server, --proxy, --queue and --traits are needed')
const traits: Traits = JSON.parse(values.traits)

const connectTo = (servers: string, reconnect: boolean): Promise<NatsConnection> =>
  connect({
    servers,
    reconnect,
    reconnectTimeWait: 100,
    ignoreClusterUpdates: true,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
  })

const connection = await connectTo(server, true).catch((error: Error) => {
  console.error(`cannot connect to ${server}: ${error.message}`)
  process.exit(2)
})

const opened: Queue[] = []
const checks = new Checks(async () => {
  for (const one of opened) await one.drain()
})
await checks.run('open', async () => {
  const q = await Queue.open(connection, queue, group, traits)
  const info = await q.consumer.info()
  expect('name', info.name, group)
  expect('stream_name', info.stream_name, queue)
  expect('num_pending', info.num_pending, 0)
  expect('num_ack_pending', info.num_ack_pending, 0)
  expectAtLeast('ack_wait in ms', q.visibilityTimeout, 1)
  opened.push(q)
  return `group ${group} of ${queue}`
})
const [q] = opened
if (q !== undefined) {
  await delivering(checks, q)
  await settling(checks, q)
  await waiting(checks, q)
  await leaving(checks, q, ({ reconnect }) => connectTo(proxy, reconnect))
  if (pair !== undefined) {
    const workers = await Queue.open(connection, pair, 'workers', traits)
    const audit = await Queue.open(connection, pair, 'audit', traits)
    opened.push(workers, audit)
    await groups(checks, workers, audit)
  }
}
await connection.drain()
process.exitCode = checks.failed > 0 ? 1 : 0
