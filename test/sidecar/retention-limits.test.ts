import type { JetStreamClient } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, numbered, TestBroker, until } from './harness.ts'

let broker: TestBroker
let js: JetStreamClient
let number = 0

beforeAll(async () => {
  broker = await TestBroker.start()
  js = await broker.js()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const newQueue = async (retention: object, more: object = {}): Promise<string> => {
  const queue = `limits${++number}`
  await broker.api.put(queue, { retention, ...more })
  return queue
}
const publish = (queue: string, body: string | Uint8Array) => js.publish(`q.${queue}`, body)
const bodies = async (queue: string): Promise<string[]> => (await broker.admin.messages(queue)).map(({ text }) => text)

describe('onLimit Reject', () => {
  it('refuses a publish beyond maxMessages, and takes it as soon as there is room', async () => {
    const queue = await newQueue({ maxMessages: 5 })
    await broker.publish(queue, ...numbered(5))
    await expect(publish(queue, 'm5')).rejects.toThrow(/maximum messages exceeded/)
    expect(await bodies(queue)).toEqual(numbered(5))
    const puller = await broker.puller(queue)
    // One by one: the one that is settled makes room for the one that is published.
    for (let next = 5; next < 30; next++) {
      expect(await (await puller.one()).settle()).toBe('')
      await eventually(async () => expect(await publish(queue, `m${next}`)).toMatchObject({ duplicate: false }), 5000)
    }
    expect((await puller.take(5)).map(({ text }) => text)).toEqual(numbered(30).slice(25))
  })

  it('refuses a publish beyond maxBytes, and takes it as soon as there is room', async () => {
    const queue = await newQueue({ maxBytes: '64Ki', maxMessageSize: '32Ki' })
    const big = 'x'.repeat(30 * 1024)
    await broker.publish(queue, big, big)
    await expect(publish(queue, big)).rejects.toThrow(/maximum bytes exceeded/)
    const puller = await broker.puller(queue)
    await (await puller.one()).settle()
    await eventually(() => publish(queue, big), 5000)
    expect(await broker.api.metric('pillion_queue_limit_bytes', { queue })).toBe(65536)
  })

  it.each([50, 2500])('makes room behind an open message: %i settled', async (count) => {
    const queue = await newQueue({ maxMessages: count + 1 })
    await broker.publish(queue, ...numbered(count + 1))
    const puller = await broker.puller(queue)
    const [open, ...rest] = await puller.take(count + 1)
    await expect(publish(queue, 'more')).rejects.toThrow(/maximum messages exceeded/)
    for (const message of rest) message.answer()
    // Only the open one is left, so that exactly as many as before fit in.
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(1))
    await broker.publish(queue, ...numbered(count, 'second'))
    await expect(publish(queue, 'more')).rejects.toThrow(/maximum messages exceeded/)
    expect(await open?.settle()).toBe('')
    expect((await puller.take(count)).map(({ text }) => text)).toEqual(numbered(count, 'second'))
  })

  it('loses nothing between a producer that tries again and a consumer', async () => {
    const queue = await newQueue({ maxMessages: 10 })
    const puller = await broker.puller(queue)
    const count = 300
    const produced = (async () => {
      let refused = 0
      for (const body of numbered(count)) {
        for (;;) {
          try {
            await publish(queue, body)
            break
          } catch (error) {
            expect(String(error)).toMatch(/maximum messages exceeded/)
            refused++
          }
        }
      }
      return refused
    })()
    const got: string[] = []
    while (got.length < count) {
      for (const message of await puller.fetch(7, 1000)) {
        got.push(message.text)
        message.answer()
      }
    }
    expect(got).toEqual(numbered(count))
    await produced
    expect(await broker.admin.deadLetters(queue)).toEqual([])
  })
})

describe('onLimit DropOldest', () => {
  it('drops the oldest beyond maxMessages, delivered or not, and counts them', async () => {
    const queue = await newQueue({ maxMessages: 5, onLimit: 'DropOldest' })
    const puller = await broker.puller(queue)
    await broker.publish(queue, ...numbered(5))
    const [first, second] = await puller.take(2)
    // Settled before it had to go: no loss.
    expect(await first?.settle()).toBe('')
    await broker.publish(queue, ...numbered(9).slice(5))
    expect(await bodies(queue)).toEqual(['m4', 'm5', 'm6', 'm7', 'm8'])
    // m1 in flight, m2 and m3 never delivered.
    await eventually(async () => expect(await broker.api.metric('pillion_queue_dropped_total', { queue })).toBe(3))
    // An answer for what is gone is taken, and changes nothing.
    expect(await second?.settle()).toBe('')
    const rest = await puller.take(5)
    expect(rest.map(({ text }) => text)).toEqual(['m4', 'm5', 'm6', 'm7', 'm8'])
    for (const message of rest) await message.settle()
    await eventually(async () => expect(await bodies(queue)).toEqual([]))
    expect(await broker.api.metric('pillion_queue_dropped_total', { queue })).toBe(3)
    expect(await broker.api.metric('pillion_queue_acknowledged_total', { queue })).toBe(6)
    expect(await broker.admin.deadLetters(queue)).toEqual([])
  })

  it('drops the oldest beyond maxBytes', async () => {
    const queue = await newQueue({ maxBytes: '64Ki', maxMessageSize: '32Ki', onLimit: 'DropOldest' })
    for (const letter of ['a', 'b', 'c', 'd']) await publish(queue, letter.repeat(30 * 1024))
    expect((await bodies(queue)).map((text) => text[0])).toEqual(['c', 'd'])
  })
})

describe('onLimit DeadLetterOldest', () => {
  it('dead-letters the oldest beyond maxMessages that were not delivered', async () => {
    const queue = await newQueue({ maxMessages: 5, onLimit: 'DeadLetterOldest' })
    const puller = await broker.puller(queue)
    await broker.publish(queue, ...numbered(5))
    const held = await puller.take(2)
    await broker.publish(queue, ...numbered(9).slice(5))
    await eventually(async () => expect(await bodies(queue)).toEqual(['m0', 'm1', 'm6', 'm7', 'm8']))
    const letters = await broker.admin.deadLetters(queue)
    expect(letters.map(({ text }) => text)).toEqual(['m2', 'm3', 'm4', 'm5'])
    expect(new Set(letters.map(({ headers }) => headers['Pillion-Dead-Letter-Reason']))).toEqual(new Set(['evicted']))
    expect(letters[0]?.headers['Pillion-Dead-Letter-Attempts']).toBe('0')
    for (const message of [...held, ...(await puller.take(3))]) expect(await message.settle()).toBe('')
    await eventually(async () => expect(await bodies(queue)).toEqual([]))
    expect((await broker.api.get(queue)).messages).toMatchObject({ ready: 0, inFlight: 0, deadLettered: 4 })
  })

  it('dead-letters the oldest of whatever level', async () => {
    const ordering = { mode: 'Priority', priority: { levels: 3 } }
    const queue = await newQueue({ maxMessages: 3, onLimit: 'DeadLetterOldest' }, { ordering })
    for (const [n, level] of [2, 0, 1, 2, 0].entries()) await js.publish(`q.${queue}.${level}`, String(n))
    await eventually(async () => expect(await bodies(queue)).toEqual(['2', '3', '4']))
    const puller = await broker.puller(queue)
    expect((await puller.take(3)).map(({ text }) => text)).toEqual(['3', '2', '4'])
  })

  it('dead-letters the oldest before maxBytes is reached', async () => {
    const limits = { maxBytes: '256Ki', maxMessageSize: '32Ki', onLimit: 'DeadLetterOldest' }
    const queue = await newQueue(limits, { deadLetter: { maxBytes: '1Mi' } })
    for (const letter of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) await publish(queue, letter.repeat(30 * 1024))
    await eventually(async () => expect((await bodies(queue)).map((text) => text[0]).join('')).toBe('bcdefgh'))
    expect((await broker.admin.deadLetters(queue)).map(({ text }) => text[0])).toEqual(['a'])
  })
})

describe('maxMessageSize', () => {
  it('refuses a larger message, headers counted, and says so', async () => {
    const queue = await newQueue({ maxMessageSize: '1Ki' })
    await publish(queue, 'x'.repeat(1000))
    await expect(publish(queue, 'x'.repeat(1025))).rejects.toThrow(/message size exceeds maximum allowed/)
    await expect(js.publish(`q.${queue}`, 'x'.repeat(1000), { msgID: 'i'.repeat(100) })).rejects.toThrow(
      /message size exceeds maximum allowed/,
    )
    expect((await broker.admin.stream(queue)).state.messages).toBe(1)
  })
})

describe('maxAge', () => {
  it('drops what is older, in flight or not, and counts it', async () => {
    const queue = await newQueue({ maxAge: '1s' }, { deduplication: { window: '500ms' } })
    const puller = await broker.puller(queue)
    await broker.publish(queue, ...numbered(4))
    const [settled, open] = await puller.take(2)
    await settled?.settle()
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
    await eventually(async () => expect(await broker.api.metric('pillion_queue_dropped_total', { queue })).toBe(3))
    expect(await open?.settle()).toBe('')
    await broker.publish(queue, 'new')
    const next = await puller.one()
    expect(next.text).toBe('new')
    await next.settle()
    expect(await broker.api.metric('pillion_queue_dropped_total', { queue })).toBe(3)
    expect(await broker.admin.deadLetters(queue)).toEqual([])
  })
})

describe('deduplication', () => {
  it('stores a message id once within the window, and again after it', async () => {
    const queue = await newQueue({}, { deduplication: { window: '1s' } })
    const once = () => js.publish(`q.${queue}`, 'one', { msgID: 'same' })
    expect(await once()).toMatchObject({ seq: 1, duplicate: false })
    expect(await once()).toMatchObject({ seq: 1, duplicate: true })
    const puller = await broker.puller(queue)
    expect(await (await puller.one()).settle()).toBe('')
    // Settled and gone, and still known.
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
    expect(await once()).toMatchObject({ duplicate: true })
    await until('the window is over', async () => !(await once()).duplicate)
    expect((await puller.one()).text).toBe('one')
  })
})
