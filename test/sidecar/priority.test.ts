import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, type Puller, type QueueInput, TestBroker } from './harness.ts'

let broker: TestBroker
let number = 0

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

async function newQueue(priority: object, rest: QueueInput = {}): Promise<string> {
  const queue = `priority${++number}`
  await broker.api.put(queue, { ordering: { mode: 'Priority', priority }, ...rest })
  return queue
}

/** Publishes `<level> <n>` for each level given, in turn; `undefined` names none. */
async function publish(queue: string, ...levels: Array<number | undefined>): Promise<void> {
  const js = await broker.js()
  for (const [n, level] of levels.entries()) {
    await js.publish(level === undefined ? `q.${queue}` : `q.${queue}.${level}`, `${level} ${n}`)
  }
}

async function takeAndSettle(puller: Puller, count: number): Promise<string[]> {
  const got = await puller.take(count)
  for (const message of got) expect(await message.settle()).toBe('')
  return got.map(({ text }) => text)
}

const empty = (queue: string): Promise<void> =>
  eventually(async () => {
    expect((await broker.api.get(queue)).messages).toMatchObject({ ready: 0, inFlight: 0 })
    expect((await broker.admin.stream(queue)).state.messages).toBe(0)
  })

describe('Priority, Strict', () => {
  it('delivers the most urgent first, those of a level as published, in one pull as in many', async () => {
    const queue = await newQueue({ levels: 5, defaultLevel: 2 })
    await publish(queue, 0, 4, undefined, 1, 4, 3, 0, undefined)
    const puller = await broker.puller(queue)
    expect(await takeAndSettle(puller, 1)).toEqual(['4 1'])
    expect(await takeAndSettle(puller, 7)).toEqual(['4 4', '3 5', 'undefined 2', 'undefined 7', '1 3', '0 0', '0 6'])
    await empty(queue)
  })

  it('keeps order within one pull over thousands of messages and many lanes', async () => {
    const queue = await newQueue({ levels: 10 })
    const levels = Array.from({ length: 3000 }, (_, n) => (n * 7) % 10)
    await publish(queue, ...levels)
    const got = await takeAndSettle(await broker.puller(queue), 3000)
    const order = got.map((text) => text.split(' ').map(Number))
    expect(order).toEqual(order.toSorted(([a = 0, n = 0], [b = 0, m = 0]) => b - a || n - m))
    await empty(queue)
  })

  it('delivers nothing again that was answered in time, while another level holds back the purge', async () => {
    const queue = await newQueue({ levels: 2 }, { retry: { visibilityTimeout: '1s' } })
    await publish(queue, 0, ...Array.from({ length: 50 }, () => 1))
    const puller = await broker.puller(queue)
    for (const message of await puller.take(50)) message.answer()
    await delay(2500)
    const [last] = await puller.take(1)
    expect(last?.text).toBe('0 0')
    // What stayed pending would come again by now, to whoever asks that lane next.
    const info = await broker.admin.manager.consumers.info(queue, 'workers_l1')
    expect([info.num_ack_pending, info.num_redelivered]).toEqual([0, 0])
    last?.answer()
    await empty(queue)
  })

  it('gives a waiting pull what comes, whatever its level', async () => {
    const queue = await newQueue({ levels: 3 })
    const puller = await broker.puller(queue)
    for (const level of [0, 2, 1]) {
      const waiting = puller.fetch(1, 5000)
      await publish(queue, level)
      const [message] = await waiting
      expect(message?.text).toBe(`${level} 0`)
      await message?.settle()
    }
  })

  it.each([['q.QUEUE.5'], ['q.QUEUE.-1'], ['q.QUEUE.x'], ['q.QUEUE.1.1']])(
    'refuses a publish to %s',
    async (subject) => {
      const queue = await newQueue({ levels: 5 })
      const js = await broker.js()
      await expect(js.publish(subject.replace('QUEUE', queue), 'x')).rejects.toThrow(/no responders|not enabled/i)
    },
  )

  it('retries in its level, dead-letters after the last attempt', async () => {
    const queue = await newQueue(
      { levels: 2, defaultLevel: 0 },
      { retry: { maxAttempts: 2, backoff: { initial: '0s' } } },
    )
    await publish(queue, 0, 1)
    const puller = await broker.puller(queue)
    const first = await puller.one()
    expect(first.text).toBe('1 1')
    await first.settle('-NAK')
    const again = await puller.one()
    expect(again).toMatchObject({ text: '1 1', attempt: 2 })
    await again.settle('-NAK')
    expect(await takeAndSettle(puller, 1)).toEqual(['0 0'])
    expect((await broker.admin.deadLetters(queue)).length).toBe(1)
    await empty(queue)
  })

  it('delivers what nobody answered again', async () => {
    const queue = await newQueue({ levels: 2 }, { retry: { visibilityTimeout: '1s' } })
    await publish(queue, 0, 0, 1)
    const puller = await broker.puller(queue)
    expect((await puller.take(3)).map(({ attempt }) => attempt)).toEqual([1, 1, 1])
    const again = await puller.take(3)
    expect(again.map(({ attempt }) => attempt)).toEqual([2, 2, 2])
    for (const message of again) await message.settle()
    await empty(queue)
  })

  it('lets what waited longer than maxWait go before newer urgent ones', async () => {
    const queue = await newQueue({ levels: 3, maxWait: '1s' })
    await publish(queue, 0, 0)
    await new Promise((done) => setTimeout(done, 1300))
    await publish(queue, 2, 1)
    expect(await takeAndSettle(await broker.puller(queue), 4)).toEqual(['0 0', '0 1', '2 0', '1 1'])
  })

  it('frees the room of settled messages though less urgent ones wait before them', async () => {
    const queue = await newQueue({ levels: 2, defaultLevel: 0 }, { retention: { maxMessages: 20 } })
    await publish(queue, 0, 0)
    const puller = await broker.puller(queue)
    for (let round = 0; round < 10; round++) {
      await eventually(() => publish(queue, 1, 1, 1, 1, 1))
      expect((await takeAndSettle(puller, 5)).map((text) => text[0])).toEqual(['1', '1', '1', '1', '1'])
    }
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(2))
    expect(await takeAndSettle(puller, 2)).toEqual(['0 0', '0 1'])
    await empty(queue)
  })
})

describe('Priority, Weighted', () => {
  it('gives every level a share', async () => {
    const queue = await newQueue({ levels: 3, policy: 'Weighted' })
    await publish(queue, ...Array.from({ length: 180 }, (_, n) => n % 3))
    const got = await takeAndSettle(await broker.puller(queue), 60)
    const share = (level: string): number => got.filter((text) => text.startsWith(level)).length
    expect([share('2'), share('1'), share('0')]).toEqual([30, 20, 10])
  })
})

describe('a pull of a queue with several lanes', () => {
  it('ends as nats-server ends it', async () => {
    const queue = await newQueue({ levels: 3 })
    const puller = await broker.puller(queue)
    puller.request({ batch: 1, no_wait: true })
    expect(await puller.next()).toMatchObject({ status: 404 })
    puller.request({ batch: 1, expires: 100e6 })
    expect(await puller.next()).toMatchObject({ status: 408 })
    puller.request({ batch: 1, expires: 3e9, idle_heartbeat: 1e9 })
    expect(await puller.next()).toMatchObject({ status: 100, description: 'Idle Heartbeat' })
    puller.request('{"batch":')
    expect(await puller.next()).toMatchObject({ status: 400 })
    await publish(queue, 0, 1, 2)
    expect(await puller.fetchNow(10)).toHaveLength(3)
  })

  it('that its client left behind takes no message away', async () => {
    const queue = await newQueue({ levels: 2 })
    const gone = await broker.puller(queue)
    gone.request({ batch: 100, expires: 60e9 })
    await new Promise((done) => setTimeout(done, 200))
    await gone[Symbol.asyncDispose]()
    const puller = await broker.puller(queue)
    const waiting = puller.take(3, 20_000)
    await publish(queue, 1, 0, 1)
    expect((await waiting).length).toBe(3)
  })
})
