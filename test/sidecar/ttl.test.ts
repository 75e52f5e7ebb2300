import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, type QueueInput, TestBroker } from './harness.ts'

// Nats-TTL ends single messages, in the middle of the stream: what is behind them goes on, and nothing is left open.

let broker: TestBroker
let number = 0

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

describe.concurrent('a message with a Nats-TTL', () => {
  it.each<[string, QueueInput, string]>([
    ['Fifo', {}, ''],
    ['strict Fifo', { ordering: { strict: true } }, ''],
    ['KeyedFifo', { ordering: { mode: 'KeyedFifo', keyedFifo: { partitions: 1 } } }, '.key'],
    ['Priority', { ordering: { mode: 'Priority' } }, '.3'],
    ['Hierarchical', { type: 'Hierarchical' }, '.a'],
  ])('%s: ends in the middle, delivered or not, and the Queue is balanced', async (_, spec, rest) => {
    const queue = `ttl${++number}`
    await broker.api.put(queue, { ...spec, retry: { visibilityTimeout: '2s' } })
    const js = await broker.js()
    const publish = (body: string, ttl?: string): Promise<unknown> =>
      js.publish(`q.${queue}${rest}`, body, ttl === undefined ? {} : { ttl })
    const puller = await broker.puller(queue)
    const held = puller.one()
    await publish('held', '1s')
    // Its consumer never answers.
    expect((await held).text).toBe('held')
    await publish('short', '1s')
    await publish('a')
    await publish('short too', '1s')
    await publish('b')
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(2))
    for (const text of ['a', 'b']) {
      const message = await puller.one()
      expect(message.text).toBe(text)
      expect(await message.settle()).toBe('')
    }
    await eventually(async () => {
      expect((await broker.api.get(queue)).messages).toEqual({ ready: 0, inFlight: 0, delayed: 0, deadLettered: 0 })
      expect((await broker.admin.stream(queue)).state.messages).toBe(0)
      expect(await broker.api.metric('pillion_queue_unrecorded_messages', { queue })).toBe(0)
    })
  })
})
