import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { numbered, type Puller, TestBroker, until } from './harness.ts'

// The subject of an acknowledgement is a client's word. Whatever it says, no message may be lost or settled that was not
// delivered, and what is settled properly later has to be settled.

let broker: TestBroker
let client: NatsConnection
let puller: Puller
let number = 0
let queue = ''

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

beforeEach(async () => {
  queue = `forged${++number}`
  await broker.api.put(queue, { retry: { visibilityTimeout: '2s', backoff: { initial: '0s', jitterPercent: 0 } } })
  client = await broker.client()
  puller = await broker.puller(queue)
})

const acknowledge = async (sequence: number | string, body: string, attempt: number | string = 1): Promise<void> => {
  client.publish(`$JS.ACK.${queue}.workers_fifo.${attempt}.${sequence}.1.1763820000000000000.0`, body)
  await client.flush()
}

/** The sidecar reads in order, so it has handled all that came before what it answers now. */
const handled = async (): Promise<void> => {
  await client.request(`$JS.API.CONSUMER.INFO.${queue}.workers`, '', { timeout: 20_000 })
}

/** Takes and settles the messages of the queue; what became of them. */
async function outcome(count: number): Promise<object> {
  const got = await puller.take(count)
  const answers = await Promise.all(got.map((message) => message.settle()))
  await until('nothing is left', async () => (await broker.admin.stream(queue)).state.messages === 0)
  const onRecord = await broker.admin.onRecord(queue)
  return {
    bodies: got.map(({ text }) => text),
    answers,
    deadLetters: await broker.admin.deadLetters(queue),
    acknowledged: await broker.api.metric('pillion_queue_acknowledged_total', { queue }),
    offRecord: got.map(({ sequence }) => sequence).filter((sequence) => !onRecord(sequence)),
  }
}

/** Each message was delivered once and then settled, and nothing is left or dead-lettered. */
const unharmed = (count: number): object => ({
  bodies: numbered(count),
  answers: numbered(count).map(() => ''),
  deadLetters: [],
  acknowledged: count,
  offRecord: [],
})

describe.each(['+ACK', '+TERM no such thing', '-NAK', '-NAK {"delay":60000000000}', '+WPI', '+NXT', 'nonsense'])(
  '%s',
  (body) => {
    it('for messages that wait to be delivered', async () => {
      await broker.publish(queue, ...numbered(3))
      for (const sequence of [1, 2, 3]) await acknowledge(sequence, body)
      for (const sequence of [1, 2, 3]) await acknowledge(sequence, body, 5)
      await handled()
      expect(await outcome(3)).toEqual(unharmed(3))
    })

    it('for messages that are yet to be published', async () => {
      for (const sequence of [1, 2, 3, 4, Number.MAX_SAFE_INTEGER]) await acknowledge(sequence, body)
      for (const sequence of [1, 2, 3, 4, Number.MAX_SAFE_INTEGER]) await acknowledge(sequence, body, 5)
      await handled()
      await broker.publish(queue, ...numbered(3))
      expect(await outcome(3)).toEqual(unharmed(3))
    })
  },
)

it('an acknowledgement of another queue settles nothing here', async () => {
  await broker.api.put(`${queue}-other`)
  await broker.publish(`${queue}-other`, ...numbered(3))
  await broker.publish(queue, ...numbered(3))
  const others = await (await broker.puller(`${queue}-other`)).take(3)
  for (const message of others) expect(await message.settle()).toBe('')
  expect(await outcome(3)).toEqual(unharmed(3))
})

it('settles nothing twice: an end that is on record stands', async () => {
  await broker.publish(queue, ...numbered(3))
  const got = await puller.take(3)
  for (const message of got) expect(await message.settle()).toBe('')
  for (const message of got) {
    for (const body of ['+TERM', '-NAK', '+ACK', '+WPI', '']) await message.settle(body)
  }
  await handled()
  expect(await broker.admin.deadLetters(queue)).toEqual([])
  expect(await broker.api.metric('pillion_queue_acknowledged_total', { queue })).toBe(3)
  expect(await puller.fetchNow()).toEqual([])
})

it.each([
  ['a sequence of 0', '1.0.1.1.0'],
  ['an attempt of 0', '0.1.1.1.0'],
  ['words', 'one.two.three.four.five'],
  ['too few parts', '1.1.1.1'],
  ['too many parts', '1.1.1.1.1.1'],
  ['a sequence below 0', '1.-1.1.1.0'],
  ['a sequence past 2^53', '1.9007199254740993.1.1.0'],
  ['a sequence past 2^64', '1.99999999999999999999.1.1.0'],
  ['an attempt past 2^53', '9007199254740993.1.1.1.0'],
])('an acknowledgement with %s in its subject settles nothing', async (_, rest) => {
  await broker.publish(queue, ...numbered(1))
  for (const body of ['+ACK', '+TERM', '-NAK']) client.publish(`$JS.ACK.${queue}.workers_fifo.${rest}`, body)
  await client.flush()
  await handled()
  expect(await outcome(1)).toEqual(unharmed(1))
})
