import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually, numbered, Puller, TestBroker } from './harness.ts'

// A client names where it wants its answer. The sidecar, and nats-server for it, may publish anywhere, so a client that could
// have its answer sent to an API subject would use permissions that are not its own.

let broker: TestBroker
let client: NatsConnection
let number = 0
let queue = ''

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

beforeEach(async () => {
  queue = `replies${++number}`
  await broker.api.put(queue)
  await broker.publish(queue, ...numbered(5))
  client = await broker.client()
})
afterEach(async () => {
  await client.close()
})

const targets = (): string[] => [
  `$JS.API.STREAM.PURGE.${queue}`,
  `PILLION.JS.API.STREAM.DELETE.${queue}`,
  `PILLION.JS.API.STREAM.DELETE.${queue}_settled`,
  `q.${queue}`,
  `dlq.${queue}`,
  `PILLION.SPEC.${queue}`,
  `_INBOXES.${queue}`,
]

/** What is there afterwards, and whether the sidecar serves. */
async function state(): Promise<object> {
  // What the sidecar was sent before this pull was handled before it.
  const got = await new Puller(await broker.client(), queue).take(5)
  const { first_seq, last_seq, messages } = (await broker.admin.stream(queue)).state
  const seen = {
    bodies: got.map(({ text }) => text).toSorted(),
    stream: { first_seq, last_seq, messages },
    deadLetters: (await broker.admin.stream(`${queue}_dlq`)).state.last_seq,
    records: (await broker.admin.stream(`${queue}_settled`)).state.messages,
    corrected: (await broker.api.put(queue)).corrected,
  }
  return { ...seen, answers: await Promise.all(got.map((message) => message.settle())) }
}

const untouched = {
  bodies: numbered(5),
  stream: { first_seq: 1, last_seq: 5, messages: 5 },
  deadLetters: 0,
  // Of the Queue's beginning.
  records: 1,
  corrected: [],
  answers: numbered(5).map(() => ''),
}

describe('a reply that is no inbox has no effect', () => {
  it.each([
    ['a pull', () => `$JS.API.CONSUMER.MSG.NEXT.${queue}.workers`],
    ['a pull of an unknown group', () => `$JS.API.CONSUMER.MSG.NEXT.${queue}.nobody`],
    ['a pull of an unknown queue', () => '$JS.API.CONSUMER.MSG.NEXT.unknown.workers'],
    ['a pull past the mapping', () => `PILLION.NEXT.${queue}.workers`],
    ['info', () => `$JS.API.CONSUMER.INFO.${queue}.workers`],
    ['info of an unknown group', () => `$JS.API.CONSUMER.INFO.${queue}.nobody`],
    ['info of an unknown queue', () => '$JS.API.CONSUMER.INFO.unknown.workers'],
    ['an acknowledgement', () => `PILLION.ACK.${queue}.workers_fifo.1.1.1.1.0`],
    ['an acknowledgement of an unknown queue', () => 'PILLION.ACK.unknown.workers_fifo.1.1.1.1.0'],
    ['an acknowledgement of an unknown lane', () => `PILLION.ACK.${queue}.other.1.1.1.1.0`],
  ])('on %s', async (_, subject) => {
    for (const reply of targets()) {
      for (const body of ['', '{"batch":1}', '{"batch":1,"no_wait":true}']) client.publish(subject(), body, { reply })
    }
    await client.flush()
    expect(await state()).toEqual(untouched)
  })

  it('on an acknowledgement of a message that was delivered', async () => {
    const message = await (await broker.puller(queue)).one()
    const subject = `PILLION.ACK.${message.reply.slice('$JS.ACK.'.length)}`
    const bodies = ['+ACK', '+TERM', '+NXT {"batch":1}', '+WPI', 'nonsense', '-NAK later', '-NAK']
    for (const reply of targets()) for (const body of bodies) client.publish(subject, body, { reply })
    await client.flush()
    await eventually(async () =>
      expect(await broker.api.metric('pillion_queue_invalid_requests_total', { queue, kind: 'ack' })).toBe(
        targets().length * bodies.length,
      ),
    )
    expect(await message.settle('-NAK {"delay":0}')).toBe('')
    expect(await state()).toEqual(untouched)
  })

  it('on what goes to JetStream itself', async () => {
    for (const reply of targets().slice(0, 3)) {
      client.publish('$JS.API.INFO', '', { reply })
      client.publish(`$JS.API.STREAM.INFO.${queue}`, '', { reply })
      client.publish('$JS.API.STREAM.NAMES', '', { reply })
      client.publish(`q.${queue}.nowhere`, '', { reply })
    }
    await client.flush()
    expect(await state()).toEqual(untouched)
  })

  it('on a publish', async () => {
    for (const reply of targets().slice(0, 3)) client.publish(`q.${queue}`, 'more', { reply })
    await client.flush()
    await eventually(async () => expect((await broker.admin.stream(queue)).state.last_seq).toBe(8))
    expect((await broker.admin.stream(queue)).state.messages).toBe(8)
    expect((await broker.api.put(queue)).corrected).toEqual([])
  })
})

describe('strange inboxes', () => {
  it.each(['_INBOX.', '_INBOX.>', '_INBOX.*.x', '_INBOX..x', '_INBOX.a.'])('%s ends nothing', async (reply) => {
    for (const subject of ['NEXT.unknown.workers', `NEXT.${queue}.workers`, `INFO.${queue}.workers`, 'INFO.a.b']) {
      client.publish(`PILLION.${subject}`, '{"batch":1,"no_wait":true,"expires":0}', { reply })
    }
    for (const body of ['nonsense', '+WPI']) {
      client.publish(`PILLION.ACK.${queue}.workers_fifo.1.1.1.1.0`, body, { reply })
    }
    await client.flush()
    // A pull whose reply nobody hears may have taken a message with it until its visibility timeout.
    const got = await new Puller(await broker.client(), queue).fetch(5, 1000)
    expect(got.length).toBeGreaterThanOrEqual(4)
    expect((await broker.api.request('GET', '/readyz')).status).toBe(200)
  })
})
