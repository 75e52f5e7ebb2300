/**
 * What a stock JavaScript client (@nats-io/jetstream) does with a Queue, one check a line of output. Its Go and Python
 * counterparts in the folders beside make the same checks under the same names. The Queue has to be empty and its own.
 *
 * node client.ts --server <url> --queue <name> [--group workers] [--user <name> --password <password>]
 */
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Consumer, type JsMsg, jetstream, JetStreamApiError } from '@nats-io/jetstream'
import { connect, headers } from '@nats-io/transport-node'

const text = { type: 'string' } as const
const { server, queue, group, user, password } = parseArgs({
  options: { server: text, queue: text, group: { ...text, default: 'workers' }, user: text, password: text },
}).values
if (server === undefined || queue === undefined) throw new Error('--server and --queue are needed')

const connection = await connect({
  servers: server,
  ignoreClusterUpdates: true,
  ...(user === undefined ? {} : { user }),
  ...(password === undefined ? {} : { pass: password }),
}).catch((error: Error) => {
  console.error(`cannot connect to ${server}: ${error.message}`)
  process.exit(2)
})
const js = jetstream(connection)
const jsm = await js.jetstreamManager()
const subject = `q.${queue}`
const run = `js-${Date.now()}`
let failed = 0

async function check(name: string, test: () => Promise<string>): Promise<void> {
  let ok = true
  let detail: string
  try {
    detail = await test()
  } catch (error) {
    ok = false
    detail = error instanceof Error ? error.message : String(error)
    failed++
    await drain().catch(() => undefined)
  }
  console.log(JSON.stringify({ check: name, ok, detail }))
}

function expect(what: string, actual: unknown, wanted: unknown): void {
  if (JSON.stringify(actual) === JSON.stringify(wanted)) return
  throw new Error(`${what} is ${JSON.stringify(actual)}, not ${JSON.stringify(wanted)}`)
}

function expectAtLeast(what: string, actual: number, least: number): void {
  if (actual < least) throw new Error(`${what} is ${Math.round(actual)}, less than ${Math.round(least)}`)
}

async function publish(count: number, name: string): Promise<string[]> {
  const bodies = Array.from({ length: count }, (_, i) => `${run} ${name} ${i}`)
  for (const body of bodies) await js.publish(subject, body, { msgID: body })
  return bodies
}

/** Fetch style: what one pull brings. */
async function fetch(consumer: Consumer, count: number, expires = 5000): Promise<JsMsg[]> {
  const messages: JsMsg[] = []
  const idle_heartbeat = Math.max(500, Math.min(1000, expires / 2))
  for await (const message of await consumer.fetch({ max_messages: count, expires, idle_heartbeat }))
    messages.push(message)
  return messages
}

/** The next message, which has to come within a minute. */
async function next(consumer: Consumer): Promise<JsMsg> {
  const message = await consumer.next({ expires: 60_000 })
  if (message === null) throw new Error('no message came within a minute')
  return message
}

async function untilSettled(consumer: Consumer): Promise<void> {
  for (let tries = 0; ; tries++) {
    const { num_pending, num_ack_pending } = await consumer.info()
    if (num_pending === 0 && num_ack_pending === 0) return
    if (tries === 100) throw new Error(`num_pending stays ${num_pending}, num_ack_pending ${num_ack_pending}`)
    await delay(100)
  }
}

/** Leaves nothing of a check that failed to the next one. */
async function drain(): Promise<void> {
  const consumer = await js.consumers.get(queue ?? '', group)
  for (let quiet = 0; quiet < 2; quiet++) {
    for (const message of await fetch(consumer, 100, 4000)) {
      message.ack()
      quiet = 0
    }
  }
}

const deadLetters = async (): Promise<number> => (await jsm.streams.info(`${queue}_dlq`)).state.messages

let consumer: Consumer
await check('open', async () => {
  consumer = await js.consumers.get(queue, group)
  const info = await consumer.info()
  expect('name', info.name, group)
  expect('stream_name', info.stream_name, queue)
  expect('num_pending', info.num_pending, 0)
  expect('num_ack_pending', info.num_ack_pending, 0)
  expectAtLeast('ack_wait in ms', (info.config.ack_wait ?? 0) / 1e6, 1)
  return `group ${group} of ${queue}`
})
if (failed > 0) process.exit(1)
const visibilityTimeout = ((await consumer!.info()).config.ack_wait ?? 0) / 1e6

await check('unknown-group', async () => {
  try {
    await js.consumers.get(queue, 'nobody')
  } catch (error) {
    expect('the code', error instanceof JetStreamApiError ? error.code : error, 10014)
    return 'consumer not found'
  }
  throw new Error('a group that is not there was opened')
})

await check('publish', async () => {
  let last = 0
  for (let i = 0; i < 10; i++) {
    const custom = headers()
    custom.set('Trace', `t${i}`)
    const ack = await js.publish(subject, `${run} publish ${i}`, { msgID: `${run} publish ${i}`, headers: custom })
    expect('stream', ack.stream, queue)
    expect('duplicate', ack.duplicate, false)
    expectAtLeast('seq', ack.seq, last + 1)
    last = ack.seq
  }
  return `10 acknowledged, the last with sequence ${last}`
})

await check('publish-duplicate', async () => {
  const ack = await js.publish(subject, 'again', { msgID: `${run} publish 9` })
  expect('duplicate', ack.duplicate, true)
  return `duplicate of ${ack.seq}`
})

await check('info-pending', async () => {
  const { num_pending } = await consumer.info()
  expect('num_pending', num_pending, 10)
  return '10 to be delivered'
})

await check('fetch', async () => {
  const messages = await fetch(consumer, 4)
  expect(
    'bodies',
    messages.map((message) => message.string()),
    [0, 1, 2, 3].map((i) => `${run} publish ${i}`),
  )
  expect(
    'headers',
    messages.map(({ headers }) => [headers?.get('Trace'), headers?.get('Nats-Msg-Id')]),
    [0, 1, 2, 3].map((i) => [`t${i}`, `${run} publish ${i}`]),
  )
  expect('subject', messages[0]?.subject, subject)
  expect('count', messages[0]?.info.deliveryCount, 1)
  expect('num_ack_pending', (await consumer.info()).num_ack_pending, 4)
  for (const message of messages) message.ack()
  return '4 of 10, in order'
})

await check('consume', async () => {
  const bodies: string[] = []
  const messages = await consumer.consume({ max_messages: 3, expires: 5000, idle_heartbeat: 1000 })
  for await (const message of messages) {
    bodies.push(message.string())
    message.ack()
    if (bodies.length === 6) break
  }
  expect(
    'bodies',
    bodies,
    [4, 5, 6, 7, 8, 9].map((i) => `${run} publish ${i}`),
  )
  await untilSettled(consumer)
  return 'the other 6, in order; nothing left'
})

await check('consume-waits', async () => {
  const first = Promise.withResolvers<string>()
  const messages = await consumer.consume({
    expires: 2000,
    idle_heartbeat: 500,
    callback: (message) => {
      message.ack()
      first.resolve(message.string())
    },
  })
  await delay(3000)
  const [body] = await publish(1, 'consume-waits')
  expect('body', await Promise.race([first.promise, delay(20_000, 'nothing')]), body)
  messages.stop()
  await untilSettled(consumer)
  return 'a pull that was renewed on an empty queue gets what comes later'
})

await check('double-ack', async () => {
  await publish(1, 'double-ack')
  const message = await next(consumer)
  expect('answered', await message.ackAck({ timeout: 10_000 }), true)
  await untilSettled(consumer)
  return 'answered'
})

await check('nak', async () => {
  await publish(1, 'nak')
  const first = await next(consumer)
  first.nak()
  const second = await next(consumer)
  expect('seq', second.seq, first.seq)
  expect('count', second.info.deliveryCount, 2)
  second.ack()
  await untilSettled(consumer)
  return 'delivered again with count 2'
})

await check('nak-delay', async () => {
  await publish(1, 'nak-delay')
  const first = await next(consumer)
  const started = performance.now()
  first.nak(2000)
  const second = await next(consumer)
  const waited = performance.now() - started
  expect('seq', second.seq, first.seq)
  expect('count', second.info.deliveryCount, 2)
  second.ack()
  expectAtLeast('the delay in ms', waited, 1900)
  await untilSettled(consumer)
  return `delivered again after ${Math.round(waited)} ms`
})

await check('in-progress', async () => {
  await publish(1, 'in-progress')
  const message = await next(consumer)
  const other = fetch(consumer, 1, Math.max(1000, 1.5 * visibilityTimeout))
  const started = performance.now()
  while (performance.now() - started < 1.5 * visibilityTimeout) {
    message.working()
    await delay(visibilityTimeout / 8)
  }
  expect('delivered meanwhile', (await other).length, 0)
  message.ack()
  await untilSettled(consumer)
  return `held for ${Math.round(performance.now() - started)} ms, visibility timeout ${visibilityTimeout} ms`
})

await check('visibility-timeout', async () => {
  await publish(1, 'visibility-timeout')
  const first = await next(consumer)
  const started = performance.now()
  const second = await next(consumer)
  const waited = performance.now() - started
  expect('seq', second.seq, first.seq)
  expect('count', second.info.deliveryCount, 2)
  second.ack()
  expectAtLeast('the time in ms', waited, 0.9 * visibilityTimeout)
  await untilSettled(consumer)
  return `unanswered, delivered again after ${Math.round(waited)} ms`
})

await check('term', async () => {
  const before = await deadLetters()
  await publish(1, 'term')
  const message = await next(consumer)
  message.term('broken')
  await untilSettled(consumer)
  for (let tries = 0; (await deadLetters()) === before && tries < 100; tries++) await delay(100)
  expect('dead letters', (await deadLetters()) - before, 1)
  expect('delivered again', (await fetch(consumer, 1, 1000)).length, 0)
  return 'dead-lettered, not delivered again'
})

await check('no-wait-empty', async () => {
  const pull = JSON.stringify({ batch: 1, no_wait: true })
  const answer = await connection.request(`$JS.API.CONSUMER.MSG.NEXT.${queue}.${group}`, pull, { timeout: 10_000 })
  expect('status', answer.headers?.code, 404)
  return `404 ${answer.headers?.description}`
})

await check('expires-empty', async () => {
  const started = performance.now()
  expect('messages', (await fetch(consumer, 5, 2000)).length, 0)
  const waited = performance.now() - started
  expectAtLeast('the time in ms', waited, 1800)
  return `ended after ${Math.round(waited)} ms`
})

await check('expires-partial', async () => {
  const bodies = await publish(3, 'expires-partial')
  const messages = await fetch(consumer, 10, 2000)
  expect(
    'bodies',
    messages.map((message) => message.string()),
    bodies,
  )
  for (const message of messages) message.ack()
  await untilSettled(consumer)
  return '3 of 10, then ended'
})

await connection.drain()
process.exitCode = failed > 0 ? 1 : 0
