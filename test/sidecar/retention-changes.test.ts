import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually, numbered, type Puller, type QueueInput, TestBroker } from './harness.ts'

// A change of a limit is applied to the messages that are there; none is lost that the new limit has room for.

let broker: TestBroker
let puller: Puller
let number = 0
let queue = ''

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

beforeEach(() => {
  queue = `changes${++number}`
})

const config = async () => (await broker.admin.stream(queue)).config
const bodies = async (): Promise<string[]> => (await broker.admin.messages(queue)).map(({ text }) => text)

async function withMessages(spec: QueueInput, count: number): Promise<void> {
  await broker.api.put(queue, spec)
  await broker.publish(queue, ...numbered(count))
  puller = await broker.puller(queue)
}

describe('with messages in the queue, ready and in flight', () => {
  it('limits are raised and lowered', async () => {
    await withMessages({ retention: { maxMessages: 10 } }, 10)
    const got = await puller.take(5)
    const change = async (retention: object, generation: number): Promise<void> => {
      const observed = await broker.api.put(queue, { retention }, generation)
      expect(observed).toMatchObject({ generation, corrected: [], messages: { ready: 5, inFlight: 5 } })
      expect(await bodies()).toEqual(numbered(10))
    }
    await change({ maxMessages: 20 }, 2)
    expect(await config()).toMatchObject({ max_msgs: 20 })
    await change({ maxMessages: 20, maxBytes: '1Mi' }, 3)
    expect(await config()).toMatchObject({ max_bytes: 1024 * 1024 })
    await change({ maxMessages: 20, maxBytes: '128Mi', maxAge: '1h' }, 4)
    expect(await config()).toMatchObject({ max_age: 3600e9, max_bytes: 128 * 1024 * 1024 })
    await change({ maxMessageSize: '2Mi' }, 5)
    expect(await config()).toMatchObject({ max_msg_size: 2 * 1024 * 1024, max_msgs: 1_000_000 })
    await change({ onLimit: 'DropOldest' }, 6)
    await change({ onLimit: 'Reject' }, 7)
    await change({ until: 'Expired' }, 8)
    await change({ until: 'Acknowledged' }, 9)
    for (const message of got) expect(await message.settle()).toBe('')
    expect((await puller.take(5)).map(({ text }) => text)).toEqual(numbered(10).slice(5))
  })

  it('a limit below what is there loses nothing with Reject; publishing waits', async () => {
    await withMessages({}, 10)
    await broker.api.put(queue, { retention: { maxMessages: 4 } }, 2)
    expect(await bodies()).toEqual(numbered(10))
    const js = await broker.js()
    await expect(js.publish(`q.${queue}`, 'more')).rejects.toThrow(/maximum messages exceeded/)
    for (const message of await puller.take(7)) await message.settle()
    await eventually(() => js.publish(`q.${queue}`, 'more'))
    expect((await puller.take(4)).map(({ text }) => text)).toEqual(['m7', 'm8', 'm9', 'more'])
  })

  it('visibility timeout and attempts apply to what is delivered from then on', async () => {
    await withMessages({ retry: { visibilityTimeout: '1h', maxAttempts: 5, backoff: { initial: '0s' } } }, 2)
    await (await puller.one()).settle('-NAK')
    await broker.api.put(queue, { retry: { visibilityTimeout: '1s', maxAttempts: 2, backoff: { initial: '0s' } } }, 2)
    const got = await puller.take(2)
    expect(got.map(({ text, attempt }) => `${text} ${attempt}`).toSorted()).toEqual(['m0 2', 'm1 1'])
    await got.find(({ text }) => text === 'm0')?.settle('-NAK')
    await eventually(async () => expect(await broker.admin.deadLetters(queue)).toHaveLength(1))
    expect(await puller.one()).toMatchObject({ text: 'm1', attempt: 2 })
  })

  it('more attempts give another chance to what has had its last', async () => {
    const retry = { visibilityTimeout: '30s', backoff: { initial: '0s' } }
    await withMessages({ retry: { ...retry, maxAttempts: 1 } }, 1)
    const first = await puller.one()
    await broker.api.put(queue, { retry: { ...retry, maxAttempts: 2 } }, 2)
    await first.settle('-NAK')
    const second = await puller.one()
    expect(second.attempt).toBe(2)
    await second.settle()
    expect(await broker.admin.deadLetters(queue)).toEqual([])
  })

  it('the deduplication window and the dead letters’ limits change', async () => {
    await withMessages({}, 3)
    await (await puller.one()).settle('+TERM')
    const spec = { deduplication: { window: '10s' }, deadLetter: { maxAge: '1h', maxBytes: '8Mi' } }
    expect(await broker.api.put(queue, spec, 2)).toMatchObject({ messages: { ready: 2, deadLettered: 1 } })
    expect(await config()).toMatchObject({ duplicate_window: 10e9 })
    expect((await broker.admin.stream(`${queue}_dlq`)).config).toMatchObject({
      max_age: 3600e9,
      max_bytes: 8 * 1024 * 1024,
    })
  })
})

describe('until Expired', () => {
  it('keeps what is acknowledged, does not deliver it again, and lets go of it when that changes', async () => {
    await withMessages({ retention: { until: 'Expired' } }, 5)
    const got = await puller.take(5)
    for (const message of got.toReversed()) expect(await message.settle()).toBe('')
    await eventually(async () => expect((await broker.admin.lane(queue)).num_ack_pending).toBe(0))
    expect(await bodies()).toEqual(numbered(5))
    expect(await puller.fetch(5, 500)).toEqual([])
    expect((await broker.api.get(queue)).messages).toMatchObject({ ready: 0, inFlight: 0 })
    await broker.publish(queue, 'next')
    const next = await puller.one()
    expect(next.text).toBe('next')
    await broker.api.put(queue, { retention: { until: 'Acknowledged' } }, 2)
    // What was acknowledged while it was a log goes with the change; what is open stays.
    await eventually(async () => expect(await bodies()).toEqual(['next']))
    await next.settle()
    await eventually(async () => expect(await bodies()).toEqual([]))
  })
})
