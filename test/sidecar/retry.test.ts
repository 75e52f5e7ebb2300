import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { numbered, type Puller, TestBroker, until } from './harness.ts'

let broker: TestBroker
let number = 0

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

interface Fixture {
  queue: string
  puller: Puller
}

async function queueWith(retry: object): Promise<Fixture> {
  const queue = `retry${++number}`
  await broker.api.put(queue, { retry })
  return { queue, puller: await broker.puller(queue) }
}

// Timers of a server may be early by their own grain, never by more. Milliseconds.
const GRAIN_MS = 50

describe.concurrent('a message that a consumer gives back (NAK)', () => {
  it('comes again after the initial backoff, and then later each time', async () => {
    const { queue, puller } = await queueWith({
      backoff: { initial: '500ms', factor: 2, max: '1500ms', jitterPercent: 0 },
      maxAttempts: 5,
    })
    await broker.publish(queue, 'one')
    let started = performance.now()
    for (const wait of [0, 500, 1000, 1500]) {
      const message = await puller.one()
      expect(message.at - started).toBeGreaterThanOrEqual(wait - GRAIN_MS)
      // From before it is given back: the answer to that may be late.
      started = performance.now()
      expect(await message.settle('-NAK')).toBe('')
    }
    const last = await puller.one()
    expect(last.attempt).toBe(5)
    expect(await last.settle()).toBe('')
    expect(await broker.api.metric('pillion_queue_nacked_total', { queue })).toBe(4)
    expect(await broker.api.metric('pillion_queue_redelivered_total', { queue })).toBe(4)
  })

  it('spreads the wait by the jitter, and never below it', async () => {
    const { queue, puller } = await queueWith({ backoff: { initial: '1s', jitterPercent: 50 } })
    await broker.publish(queue, ...numbered(40))
    const started = performance.now()
    for (const message of await puller.take(40)) message.answer('-NAK')
    const waits = (await puller.take(40)).map(({ at }) => at - started)
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(500 - GRAIN_MS)
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(300)
  })

  it('the waits of a thousand follow the declared curve, spread evenly by its jitter', async () => {
    const initial = 400
    const { queue, puller } = await queueWith({
      backoff: { initial: `${initial}ms`, factor: 2, max: '1s', jitterPercent: 25 },
      // A message that nats-server forgot to deliver again would come after this.
      visibilityTimeout: '1h',
      maxAttempts: 4,
    })
    const COUNT = 1000
    const given = new Map<string, number>()
    const waits: number[][] = [[], [], []]
    await broker.publish(queue, ...numbered(COUNT))
    // No message is held back by another: each is given back as it comes.
    for (let deliveries = 0; deliveries < 4 * COUNT; ) {
      for (const message of await puller.fetch(100, 200)) {
        deliveries++
        if (message.attempt > 1) waits[message.attempt - 2]?.push(message.at - (given.get(message.text) ?? 0))
        given.set(message.text, performance.now())
        message.answer(message.attempt === 4 ? '+ACK' : '-NAK')
      }
    }
    for (const [index, exact] of [initial, 2 * initial, 1000].entries()) {
      const sorted = (waits[index] ?? []).toSorted((a, b) => a - b)
      const share = (of: number): number => (sorted[Math.floor(of * COUNT)] ?? 0) / exact
      expect(sorted.length).toBe(COUNT)
      expect(share(0)).toBeGreaterThanOrEqual(0.75 - GRAIN_MS / exact)
      // A busy machine makes waits longer, never shorter, and all of them alike: the spread stays.
      expect(share(0.9) - share(0.1)).toBeGreaterThan(0.25)
      if (process.env.PILLION_SHOW !== undefined) {
        console.log(exact, [0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999].map((of) => share(of).toFixed(3)).join(' '))
      }
    }
  })

  it.each(['Fifo', 'KeyedFifo', 'Hierarchical'] as const)(
    'is not forgotten while others are settled and let go of: %s',
    async (mode) => {
      const queue = `retry${++number}`
      const order = mode === 'Hierarchical' ? { type: mode } : { ordering: { mode } }
      await broker.api.put(queue, { ...order, retry: { visibilityTimeout: '1h', backoff: { initial: '0s' } } })
      const COUNT = 3000
      const settled = new Set<string>()
      const js = await broker.js()
      const produce = async (): Promise<void> => {
        for (let n = 0; n < COUNT; n++)
          await js.publish(mode === 'Fifo' ? `q.${queue}` : `q.${queue}.k${n % 50}`, `m${n}`)
      }
      const consume = async (): Promise<void> => {
        const puller = await broker.puller(queue)
        while (settled.size < COUNT) {
          // One at a time: whether a pull waits changes with every message.
          for (const message of await puller.fetch(1, 200)) {
            const again = message.attempt === 1 && Number(message.text.slice(1)) % 7 === 0
            message.answer(again ? `-NAK {"delay": ${Math.round(1e6 * (1 + 150 * Math.random()))}}` : '+ACK')
            if (!again) settled.add(message.text)
          }
        }
      }
      await Promise.all([produce(), ...Array.from({ length: 4 }, consume)])
      expect(settled.size).toBe(COUNT)
      await until('nothing is left', async () => (await broker.admin.stream(queue)).state.messages === 0)
    },
  )

  it('does not keep in the stream what is settled, though it comes up again and again', async () => {
    const { queue, puller } = await queueWith({ visibilityTimeout: '1h', maxAttempts: 0 })
    await broker.publish(queue, ...numbered(30), 'again')
    const messages = await puller.take(31)
    const done = new AbortController()
    const giveBack = async (): Promise<void> => {
      let again = messages.pop()
      while (!done.signal.aborted) {
        again?.answer('-NAK {"delay": 20000000}')
        again = await puller.one()
      }
    }
    const letGo = async (): Promise<void> => {
      await Promise.all(messages.map((message) => message.settle()))
      await until('the others leave', async () => (await broker.admin.stream(queue)).state.first_seq === 31)
    }
    await Promise.all([giveBack(), letGo().finally(() => done.abort())])
    expect((await broker.admin.stream(queue)).state.messages).toBe(1)
  })

  it('comes again at once without a backoff', async () => {
    const { queue, puller } = await queueWith({ backoff: { initial: '0s' }, visibilityTimeout: '1h' })
    await broker.publish(queue, 'one')
    await (await puller.one()).settle('-NAK')
    expect((await puller.one()).attempt).toBe(2)
  })

  it('comes again after the delay that the consumer named, shorter or longer than the policy', async () => {
    const { queue, puller } = await queueWith({ backoff: { initial: '1h', max: '1h' } })
    await broker.publish(queue, 'one')
    await (await puller.one()).settle('-NAK {"delay": 1000000}')
    const started = performance.now()
    const second = await puller.one()
    expect(second.attempt).toBe(2)
    await second.settle('-NAK {"delay": 1200000000}')
    const third = await puller.one()
    expect(third.attempt).toBe(3)
    expect(third.at - started).toBeGreaterThanOrEqual(1200 - GRAIN_MS)
  })

  it('holds back a delay of years without counting attempts away', async () => {
    const { queue, puller } = await queueWith({ backoff: { initial: '0s' }, maxAttempts: 3 })
    const delays = ['1e18', '9223372036854775807', '1e30', '1e300', '31536000000000000000']
    await broker.publish(queue, ...delays)
    const got = await puller.take(delays.length)
    const answers = await Promise.all(got.map((message) => message.settle(`-NAK {"delay": ${message.text}}`)))
    const taken = got.filter((_, index) => answers[index] === '')
    for (const answer of answers) expect(answer).toMatch(/^(|-ERR .*delay.*)$/)
    // Those that were taken wait; those that were refused are still in flight.
    expect(await puller.fetch(10, 1500)).toEqual([])
    const inFlight = delays.length - taken.length
    expect((await broker.api.get(queue)).messages).toMatchObject({ ready: 0, inFlight, delayed: taken.length })
    expect(taken.length).toBeGreaterThanOrEqual(1)
  })
})

describe.concurrent('a message that nobody answers for', () => {
  it('comes again after the visibility timeout', async () => {
    const { queue, puller } = await queueWith({ visibilityTimeout: '1s' })
    await broker.publish(queue, 'one')
    const started = performance.now()
    await puller.one()
    const again = await puller.one()
    expect(again.attempt).toBe(2)
    expect(again.at - started).toBeGreaterThanOrEqual(1000 - GRAIN_MS)
    // What is answered after that still settles it.
    expect(await again.settle()).toBe('')
    expect(await puller.fetchNow()).toEqual([])
  })

  it('stays with a consumer that asks for more time', async () => {
    const { queue, puller } = await queueWith({ visibilityTimeout: '2s' })
    await broker.publish(queue, 'one')
    const message = await puller.one()
    const other = await broker.puller(queue)
    const started = performance.now()
    while (performance.now() - started < 5000) {
      expect(await message.settle('+WPI')).toBe('')
      expect(await other.fetch(1, 500)).toEqual([])
    }
    expect(await message.settle()).toBe('')
    expect(await broker.admin.deadLetters(queue)).toEqual([])
  })

  it('comes again after a while when the consumer stops asking for more time', async () => {
    const { queue, puller } = await queueWith({ visibilityTimeout: '1s' })
    await broker.publish(queue, 'one')
    const message = await puller.one()
    await message.settle('+WPI')
    const started = performance.now()
    expect((await puller.one()).at - started).toBeGreaterThanOrEqual(1000 - GRAIN_MS - 500)
  })
})

describe('with maxAttempts 0', () => {
  let fixture: Fixture
  beforeEach(async () => {
    fixture = await queueWith({ maxAttempts: 0, visibilityTimeout: '1s', backoff: { initial: '0s' } })
  })

  it('a message is never dead-lettered, by NAK or by silence', async () => {
    const { queue, puller } = fixture
    await broker.publish(queue, 'one')
    for (let attempt = 1; attempt <= 30; attempt++) {
      const message = await puller.one()
      expect(message.attempt).toBe(attempt)
      if (attempt % 15 !== 0) await message.settle('-NAK')
    }
    const last = await puller.one()
    expect(last.attempt).toBe(31)
    await last.settle()
    expect(await broker.admin.deadLetters(queue)).toEqual([])
  })
})
