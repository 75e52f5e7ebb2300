import type { JsMsg } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, numbered, type QueueInput, TestBroker, until } from './harness.ts'

let broker: TestBroker
let number = 0

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const newQueue = async (spec: QueueInput): Promise<string> => {
  const queue = `order${++number}`
  await broker.api.put(queue, spec)
  return queue
}

const noWait = { backoff: { initial: '0s' } }

describe('Fifo', () => {
  it('delivers to one consumer in the order of publishing', async () => {
    const queue = await newQueue({})
    await broker.publish(queue, ...numbered(2000))
    const consumer = await (await broker.js()).consumers.get(queue, 'workers')
    const got: string[] = []
    const messages = await consumer.consume({ max_messages: 100, expires: 3000, idle_heartbeat: 1000 })
    for await (const message of messages) {
      got.push(message.string())
      message.ack()
      if (got.length === 2000) break
    }
    expect(got).toEqual(numbered(2000))
  })

  it('gives a retried message its place before newer ones once its backoff is over, and goes on meanwhile', async () => {
    const queue = await newQueue({ retry: { backoff: { initial: '300ms', jitterPercent: 0 } } })
    await broker.publish(queue, ...numbered(6))
    const puller = await broker.puller(queue)
    const first = await puller.one()
    await first.settle('-NAK')
    // Others go on while it waits …
    const second = await puller.one()
    expect([first.text, second.text]).toEqual(['m0', 'm1'])
    await second.settle()
    // … and then it is the next, though there are newer ones.
    await until('its backoff is over', () => performance.now() - first.at > 1000)
    const rest = await puller.take(5)
    expect(rest.map(({ text }) => text)).toEqual(['m0', 'm2', 'm3', 'm4', 'm5'])
    expect(rest[0]?.attempt).toBe(2)
  })

  it('a message given back without a backoff is the next one', async () => {
    const queue = await newQueue({ retry: { ...noWait, maxAttempts: 0 } })
    await broker.publish(queue, ...numbered(3))
    const puller = await broker.puller(queue)
    for (let attempt = 1; attempt <= 30; attempt++) {
      const message = await puller.one()
      expect(message).toMatchObject({ text: 'm0', attempt })
      expect(await message.settle('-NAK')).toBe('')
    }
  })

  it('shares the messages among the consumers of a group', async () => {
    const queue = await newQueue({})
    const pullers = await Promise.all(numbered(3).map(() => broker.puller(queue)))
    await broker.publish(queue, ...numbered(30))
    const shares = await Promise.all(pullers.map((puller) => puller.take(10)))
    const all = shares.flat().map(({ text }) => text)
    expect(new Set(all).size).toBe(30)
    await Promise.all(shares.flat().map((message) => message.settle()))
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
  })
})

describe('Fifo, strict', () => {
  const strict = { ordering: { mode: 'Fifo', strict: true } }

  it('has one message in flight among several consumers, in exact order, whatever is retried', async () => {
    const queue = await newQueue({ ...strict, retry: { ...noWait, maxAttempts: 0 } })
    const count = 60
    await broker.publish(queue, ...numbered(count))
    const js = await broker.js()
    const settled: string[] = []
    let inFlight = 0
    let most = 0
    const consumers = await Promise.all(
      numbered(3).map(async () => {
        const consumer = await js.consumers.get(queue, 'workers')
        return consumer.consume({
          max_messages: 5,
          expires: 3000,
          idle_heartbeat: 1000,
          callback: (message: JsMsg) => {
            most = Math.max(most, ++inFlight)
            setImmediate(() => {
              inFlight--
              // Each third message fails twice before it is done.
              if (message.seq % 3 === 0 && message.info.deliveryCount < 3) return message.nak()
              settled.push(message.string())
              message.ack()
            })
          },
        })
      }),
    )
    await until('all are settled', () => settled.length === count, 60_000)
    expect(settled).toEqual(numbered(count))
    expect(most).toBe(1)
    await Promise.all(consumers.map((messages) => messages.close()))
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
  })

  it('a message given back blocks the queue until its backoff is over', async () => {
    const queue = await newQueue({ ...strict, retry: { backoff: { initial: '700ms', jitterPercent: 0 } } })
    await broker.publish(queue, ...numbered(3))
    const puller = await broker.puller(queue)
    const first = await puller.one()
    await first.settle('-NAK')
    const again = await puller.one()
    expect(again).toMatchObject({ text: 'm0', attempt: 2 })
    expect(again.at - first.at).toBeGreaterThanOrEqual(650)
    expect(await puller.fetch(1, 300)).toEqual([])
    await again.settle()
    expect((await puller.one()).text).toBe('m1')
  })

  it('ends a pull that does not wait, whether there is nothing, a message, or one in flight', async () => {
    const queue = await newQueue(strict)
    const puller = await broker.puller(queue)
    const pull = { batch: 5, no_wait: true }
    puller.request(pull)
    expect(await puller.next()).toMatchObject({ status: 408 })
    await broker.publish(queue, 'm0', 'm1')
    puller.request(pull)
    const first = await puller.next()
    expect(first).toMatchObject({ text: 'm0' })
    expect(await puller.next()).toMatchObject({ status: 408 })
    puller.request(pull)
    expect(await puller.next()).toMatchObject({ status: 408 })
    if ('text' in first) await first.settle()
    expect(await puller.fetchNow()).toMatchObject([{ text: 'm1' }])
  })

  it('a message that is dead-lettered lets the next one through', async () => {
    const queue = await newQueue({ ...strict, retry: { ...noWait, maxAttempts: 1, visibilityTimeout: '1s' } })
    await broker.publish(queue, 'rejected', 'given back', 'not answered', 'good')
    const puller = await broker.puller(queue)
    await (await puller.one()).settle('+TERM')
    await (await puller.one()).settle('-NAK')
    expect((await puller.one()).text).toBe('not answered')
    const good = await puller.one()
    expect(good.text).toBe('good')
    await good.settle()
    await eventually(async () => expect(await broker.admin.deadLetters(queue)).toHaveLength(3))
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
  })

  it('can be switched on and off with messages in the queue', async () => {
    const queue = await newQueue({})
    await broker.publish(queue, ...numbered(5))
    const puller = await broker.puller(queue)
    const two = await puller.take(2)
    await broker.api.put(queue, strict, 2)
    expect(await puller.fetch(1, 300)).toEqual([])
    for (const message of two) await message.settle()
    const third = await puller.one()
    expect(await puller.fetch(1, 300)).toEqual([])
    await third.settle()
    await broker.api.put(queue, {}, 3)
    expect((await puller.take(2)).map(({ text }) => text)).toEqual(['m3', 'm4'])
  })
})
