import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, type Puller, type QueueInput, TestBroker } from './harness.ts'

let broker: TestBroker
let number = 0

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

async function newQueue(partitions: number, rest: QueueInput = {}): Promise<string> {
  const queue = `keyed${++number}`
  await broker.api.put(queue, { ordering: { mode: 'KeyedFifo', keyedFifo: { partitions } }, ...rest })
  return queue
}

async function publish(queue: string, ...keys: string[]): Promise<void> {
  const js = await broker.js()
  for (const [n, key] of keys.entries()) await js.publish(`q.${queue}.${key}`, `${key} ${n}`)
}

async function takeAndSettle(puller: Puller, count: number): Promise<void> {
  for (const message of await puller.take(count)) expect(await message.settle()).toBe('')
}

const empty = (queue: string): Promise<void> =>
  eventually(async () => {
    expect((await broker.api.get(queue)).messages).toMatchObject({ ready: 0, inFlight: 0 })
    expect((await broker.admin.stream(queue)).state.messages).toBe(0)
  })

const noWait = { backoff: { initial: '0s' } }

describe('KeyedFifo', () => {
  it('delivers one message of a key at a time, other keys meanwhile', async () => {
    const queue = await newQueue(64)
    await publish(queue, 'a', 'a', 'b', 'a', 'b')
    const puller = await broker.puller(queue)
    const first = await puller.take(2)
    expect(first.map(({ text }) => text).toSorted()).toEqual(['a 0', 'b 2'])
    expect(await puller.fetch(1, 300)).toEqual([])
    for (const message of first) await message.settle()
    const second = await puller.take(2)
    expect(second.map(({ text }) => text).toSorted()).toEqual(['a 1', 'b 4'])
    for (const message of second) await message.settle()
    const third = await puller.one()
    expect(third.text).toBe('a 3')
    await third.settle()
    await empty(queue)
  })

  it('keeps the order of each key over redelivery, with several consumers', async () => {
    const queue = await newQueue(8, { retry: { ...noWait, maxAttempts: 0, visibilityTimeout: '1s' } })
    const keys = Array.from({ length: 12 }, (_, key) => `k${key}`)
    await publish(queue, ...Array.from({ length: 600 }, (_, n) => keys[n % keys.length] ?? ''))
    const settled = new Map<string, number[]>()
    let left = 600
    let random = 1
    const consume = async (): Promise<void> => {
      const puller = await broker.puller(queue)
      while (left > 0) {
        for (const message of await puller.fetch(1, 500)) {
          random = (random * 48271) % 2147483647
          // One in ten is given back, one in forty is left to time out.
          if (random % 40 === 0) continue
          if (random % 10 === 0) {
            await message.settle('-NAK')
            continue
          }
          const [key = '', n] = message.text.split(' ')
          settled.set(key, [...(settled.get(key) ?? []), Number(n)])
          left--
          await message.settle()
        }
      }
    }
    await Promise.all([consume(), consume(), consume()])
    expect([...settled.keys()].toSorted()).toEqual(keys.toSorted())
    for (const numbers of settled.values()) {
      expect(numbers.length).toBe(50)
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    }
    await empty(queue)
  })

  it('a message that waits out its backoff blocks its key and no other', async () => {
    const queue = await newQueue(64, { retry: { backoff: { initial: '800ms', jitterPercent: 0 } } })
    await publish(queue, 'a', 'a', 'b', 'b')
    const puller = await broker.puller(queue)
    const first = await puller.take(2)
    for (const message of first) await message.settle(message.text === 'a 0' ? '-NAK' : '+ACK')
    const second = await puller.one()
    expect(second.text).toBe('b 3')
    await second.settle()
    const again = await puller.one()
    expect(again).toMatchObject({ text: 'a 0', attempt: 2 })
    await again.settle()
    expect(await (await puller.one()).settle()).toBe('')
    await empty(queue)
  })

  it('ends a pull that does not wait when there is no more to be had, though nothing is answered yet', async () => {
    const queue = await newQueue(64)
    await publish(queue, 'a', 'a', 'b', 'b')
    const puller = await broker.puller(queue)
    puller.request({ batch: 5, no_wait: true })
    const got = [await puller.next(), await puller.next()]
    expect(got.map((one) => ('text' in one ? one.text : '')).toSorted()).toEqual(['a 0', 'b 2'])
    expect(await puller.next()).toMatchObject({ status: 408 })
    for (const one of got) if ('text' in one) await one.settle()
    await takeAndSettle(puller, 2)
    await empty(queue)
  })

  it('goes on with the next of a key once one is dead-lettered', async () => {
    const queue = await newQueue(4, { retry: { ...noWait, maxAttempts: 1, visibilityTimeout: '1s' } })
    await publish(queue, 'a', 'a', 'a')
    const puller = await broker.puller(queue)
    await (await puller.one()).settle('+TERM no good')
    // Left to time out.
    expect((await puller.one()).text).toBe('a 1')
    const third = await puller.one()
    expect(third.text).toBe('a 2')
    await third.settle()
    await eventually(async () => expect((await broker.admin.deadLetters(queue)).length).toBe(2))
    await empty(queue)
  })

  it.each(['q.QUEUE', 'q.QUEUE.a.b'])('refuses a publish to %s', async (subject) => {
    const queue = await newQueue(4)
    const js = await broker.js()
    await expect(js.publish(subject.replace('QUEUE', queue), 'x')).rejects.toThrow(/no responders|not enabled/i)
  })

  it('goes on where it was after a restart of the sidecar', async () => {
    const queue = await newQueue(4)
    await publish(queue, 'a', 'a', 'b', 'b')
    const puller = await broker.puller(queue)
    const first = await puller.one()
    await first.settle()
    await broker.sidecar.stop()
    await broker.sidecar.start()
    await broker.ready()
    const texts: string[] = []
    for (let n = 0; n < 3; n++) {
      const message = await puller.one()
      texts.push(message.text)
      await message.settle()
    }
    expect([first.text, ...texts].toSorted()).toEqual(['a 0', 'a 1', 'b 2', 'b 3'])
    await empty(queue)
  })
})
