import { setTimeout as delay } from 'node:timers/promises'
import { type ConsumerMessages, type JsMsg, jetstream } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, numbered, TestBroker, until } from './harness.ts'

// Failover in the shortest time that may be declared, and a visibility timeout that is longer, so that which of the two it was shows.
const SPEC = {
  type: 'Exclusive',
  exclusive: { failover: '2s' },
  retry: { visibilityTimeout: '6s' },
} as const
const VISIBILITY_MS = 6000

let broker: TestBroker
beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
})
afterAll(() => broker[Symbol.asyncDispose]())

interface Got {
  readonly body: string
  readonly at: number
  readonly attempt: number
}

/** A stock client that consumes on a connection of its own. */
class Consuming {
  readonly got: Got[] = []
  readonly #close: () => Promise<void>
  readonly #messages: ConsumerMessages

  private constructor(messages: ConsumerMessages, close: () => Promise<void>) {
    this.#messages = messages
    this.#close = close
  }

  static async start(queue: string, answers = true): Promise<Consuming> {
    const connection = await broker.client()
    const consumer = await jetstream(connection).consumers.get(queue, 'workers')
    const receive = (message: JsMsg): void => {
      self.got.push({ body: message.string(), at: performance.now(), attempt: message.info.deliveryCount })
      if (answers) message.ack()
    }
    const messages = await consumer.consume({ max_messages: 50, expires: 3000, idle_heartbeat: 500, callback: receive })
    const self = new Consuming(messages, () => connection.close())
    return self
  }

  get bodies(): string[] {
    return this.got.map(({ body }) => body)
  }

  /** Asks for no more, and goes. */
  async leave(): Promise<void> {
    await this.#messages.close()
    await this.#close()
  }

  /** Without a word. */
  vanish(): Promise<void> {
    return this.#close()
  }
}

async function settled(queue: string): Promise<void> {
  await eventually(async () => {
    expect((await broker.api.get(queue)).messages).toMatchObject({ ready: 0, inFlight: 0 })
  })
}

describe('one consumer at a time', () => {
  it('is served, the others stand by, and one of them takes over when it leaves', async () => {
    await broker.api.put('single', SPEC)
    const first = await Consuming.start('single')
    await broker.publish('single', 'begin')
    await eventually(() => expect(first.bodies).toEqual(['begin']))
    const others = [await Consuming.start('single'), await Consuming.start('single')]
    await broker.publish('single', ...numbered(200))
    await eventually(() => expect(first.bodies).toEqual(['begin', ...numbered(200)]))
    expect(others.flatMap(({ bodies }) => bodies)).toEqual([])
    await settled('single')
    await first.leave()
    await broker.publish('single', ...numbered(100, 'n'))
    await eventually(() => expect(others.flatMap(({ bodies }) => bodies)).toEqual(numbered(100, 'n')))
    expect(others.filter(({ got }) => got.length > 0)).toHaveLength(1)
    await Promise.all(others.map((other) => other.leave()))
  })

  it('is one subscription: of two on one connection, one is served', async () => {
    await broker.api.put('pair', SPEC)
    const connection = await broker.client()
    const consumer = await jetstream(connection).consumers.get('pair', 'workers')
    const counts = [0, 0]
    const open = [0, 1].map((index) =>
      consumer.consume({
        max_messages: 10,
        expires: 2000,
        callback: (message) => {
          counts[index] = (counts[index] ?? 0) + 1
          message.ack()
        },
      }),
    )
    await Promise.all(open)
    await broker.publish('pair', ...numbered(100))
    await settled('pair')
    expect(counts.toSorted((a, b) => a - b)).toEqual([0, 100])
    await connection.close()
  })
})

describe('a consumer that is gone with messages', () => {
  it('has them delivered to the next, before newer ones, sooner than the visibility timeout', async () => {
    await broker.api.put('crashing', SPEC)
    const first = await Consuming.start('crashing', false)
    await broker.publish('crashing', ...numbered(20))
    await eventually(() => expect(first.bodies).toEqual(numbered(20)))
    const second = await Consuming.start('crashing')
    await broker.publish('crashing', ...numbered(20, 'n'))
    await eventually(() => expect(first.got).toHaveLength(40))
    await first.vanish()
    await broker.publish('crashing', ...numbered(20, 'o'))
    await eventually(() => expect(second.got).toHaveLength(60))
    expect(second.bodies).toEqual([...numbered(20), ...numbered(20, 'n'), ...numbered(20, 'o')])
    expect(second.got.map(({ attempt }) => attempt)).toEqual([...Array(40).fill(2), ...Array(20).fill(1)])
    const waited = (second.got[0]?.at ?? 0) - (first.got[0]?.at ?? 0)
    expect(waited).toBeLessThan(VISIBILITY_MS)
    await second.leave()
  })

  it('leaves what waits out a backoff to it', async () => {
    await broker.api.put('backing-off', { ...SPEC, retry: { ...SPEC.retry, backoff: { initial: '1h', max: '1h' } } })
    const first = await broker.puller('backing-off')
    await broker.publish('backing-off', 'failed', 'held')
    const [failed] = await first.take(2)
    await failed?.settle('-NAK')
    const second = await Consuming.start('backing-off')
    await first[Symbol.asyncDispose]()
    await eventually(() => expect(second.bodies).toEqual(['held']))
    await delay(1000)
    expect(second.bodies).toEqual(['held'])
    await second.leave()
  })
})

describe('a consumer that is there and says nothing', () => {
  it('holds its messages until their visibility timeout, and the next gets none before', async () => {
    await broker.api.put('frozen', SPEC)
    const first = await broker.puller('frozen')
    await broker.publish('frozen', ...numbered(5))
    const held = await first.take(5)
    const second = await Consuming.start('frozen')
    await broker.publish('frozen', 'newer')
    await until('the standby is served', () => second.got.length >= 6)
    expect(second.bodies).toEqual([...numbered(5), 'newer'])
    const last = Math.max(...held.map(({ at }) => at))
    // Both clocks are this process's, and the message was on its way for a moment.
    expect((second.got[0]?.at ?? 0) - last).toBeGreaterThan(VISIBILITY_MS - 100)
    await second.leave()
  })
})

describe('fetching', () => {
  it('goes on at one connection, however many fetches, and finds nothing at another', async () => {
    await broker.api.put('fetched', SPEC)
    await broker.publish('fetched', ...numbered(30))
    const mine = await (await broker.js()).consumers.get('fetched', 'workers')
    const other = await (await broker.js()).consumers.get('fetched', 'workers')
    const bodies: string[] = []
    for (let n = 0; n < 10; n++) {
      for await (const message of await mine.fetch({ max_messages: 3, expires: 5000 })) {
        bodies.push(message.string())
        message.ack()
      }
      if (n === 4) expect(await other.next({ expires: 1000 })).toBeNull()
    }
    expect(bodies).toEqual(numbered(30))
  })
})

describe('restarts', () => {
  it.each(['sidecar', 'nats-server'])('of the %s leave the active consumer the active one', async (what) => {
    const queue = `over-${what}`
    // Longer than a client takes to ask again, whose pull was lost with the sidecar.
    await broker.api.put(queue, { ...SPEC, exclusive: { failover: '10s' } })
    const first = await Consuming.start(queue)
    await broker.publish(queue, ...numbered(10))
    await eventually(() => expect(first.bodies).toEqual(numbered(10)))
    const second = await Consuming.start(queue)
    if (what === 'sidecar') {
      await broker.sidecar.kill()
      await broker.sidecar.start()
    } else {
      await broker.nats.crash()
      await broker.nats.start()
    }
    await broker.ready()
    await broker.publish(queue, ...numbered(10, 'n'))
    await eventually(() => expect([...new Set([...first.bodies, ...second.bodies])]).toHaveLength(20))
    expect(second.bodies).toEqual([])
    await first.leave()
    await second.leave()
  })
})

describe('with another order than Fifo', () => {
  const all = Array.from({ length: 12 }, (_, n) => n)
  const ascendingByKey = (numbers: number[]): void => {
    for (const own of Map.groupBy(numbers, (n) => n % 3).values()) expect(own).toEqual(own.toSorted((a, b) => a - b))
  }
  const urgentFirst = (numbers: number[]): void => {
    expect(numbers).toEqual(all.toSorted((a, b) => (b % 3) - (a % 3) || a - b))
  }
  // What failed goes to the tail.
  const heldLast = (numbers: number[], held: number): void => {
    expect(numbers).toEqual([...all.filter((n) => n !== held), held])
  }
  it.each([
    ['KeyedFifo', { keyedFifo: { partitions: 4 } }, ascendingByKey],
    ['Priority', { priority: { levels: 3 } }, urgentFirst],
    ['Lru', {}, heldLast],
  ])('%s: one is served, and the next goes on when it vanishes', async (mode, more, inOrder) => {
    const queue = `x-${mode.toLowerCase()}`
    await broker.api.put(queue, { ...SPEC, ordering: { mode, ...more } })
    const first = await broker.puller(queue)
    const js = await broker.js()
    for (const n of all) await js.publish(`q.${queue}.${mode === 'Lru' ? n : n % 3}`, String(n))
    const held = await first.one()
    const second = await Consuming.start(queue)
    await delay(300)
    expect(second.got).toEqual([])
    await first[Symbol.asyncDispose]()
    await eventually(() => expect(second.got).toHaveLength(all.length))
    expect(second.bodies.map(Number).toSorted((a, b) => a - b)).toEqual(all)
    inOrder(second.bodies.map(Number), Number(held.text))
    await second.leave()
  })
})
