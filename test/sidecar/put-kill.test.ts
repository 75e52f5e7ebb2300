import { setTimeout as delay } from 'node:timers/promises'
import { jetstream, type JetStreamClient } from '@nats-io/jetstream'
import { expect, test } from 'vitest'
import { jetStreamAccess } from '../../sidecar/jetstream/access.ts'
import { walk } from '../../sidecar/jetstream/walk.ts'
import { TestBroker } from './harness.ts'

const KILLS = 20
/** With an id, who publish again what was not acknowledged. */
const CAREFUL = 150
/** Without, who do not. */
const CARELESS = 50
/** Publishes go on for so long between two kills. Milliseconds. */
const BETWEEN_MS = 200
/** A publisher whose publish was lost waits no longer. Milliseconds. */
const TIMEOUT_MS = 1000

interface Stored {
  readonly sequence: number
  readonly text: string
  readonly isBatched: boolean
}

async function storedIn(broker: TestBroker, queue: string): Promise<Stored[]> {
  const js = await jetStreamAccess(broker.admin.connection)
  const stream = await broker.admin.stream(queue)
  const stored: Stored[] = []
  for await (const { seq, data, headers } of walk(js, stream, { from: 1, to: stream.state.last_seq })) {
    const isBatched = headers.some(([name]) => name === 'Nats-Batch-Id')
    stored.push({ sequence: seq, text: new TextDecoder().decode(data), isBatched })
  }
  expect(stored).toHaveLength(stream.state.messages)
  return stored
}

interface Publisher {
  readonly name: string
  readonly isCareful: boolean
  /** By the number of a message: the sequence that it was acknowledged with. */
  readonly acked: Map<number, number>
}

async function publish(
  js: JetStreamClient,
  { name, isCareful, acked }: Publisher,
  isOver: () => boolean,
): Promise<void> {
  const once = async (n: number): Promise<boolean> => {
    const body = `${name}:${n}`
    try {
      const { seq } = await js.publish('q.orders', body, {
        timeout: TIMEOUT_MS,
        retries: 0,
        ...(isCareful ? { msgID: body } : {}),
      })
      acked.set(n, seq)
      return true
    } catch {
      await delay(20)
      return false
    }
  }
  for (let n = 0; !isOver(); n++) {
    let isDone = await once(n)
    while (!isDone) isDone = !isCareful || (await once(n))
  }
}

function check(publishers: readonly Publisher[], stored: readonly Stored[]): void {
  const places = new Map<string, number[]>()
  for (const { text, sequence } of stored) places.set(text, [...(places.get(text) ?? []), sequence])
  expect([...places].filter(([, at]) => at.length > 1)).toEqual([])
  for (const { name, isCareful, acked } of publishers) {
    const wrong = [...acked].filter(([n, sequence]) => places.get(`${name}:${n}`)?.[0] !== sequence)
    expect({ name, wrong }).toEqual({ name, wrong: [] })
    const order = stored.filter(({ text }) => text.startsWith(`${name}:`)).map(({ text }) => Number(text.split(':')[1]))
    expect({ name, order }).toEqual({ name, order: order.toSorted((a, b) => a - b) })
    if (isCareful) expect({ name, order }).toEqual({ name, order: Array.from(acked, ([n]) => n) })
  }
}

test.each(['sidecar', 'nats-server', 'either'] as const)(
  `${KILLS} times kill -9 of %s under many publishes: what was acknowledged is there once, under its sequence, in order`,
  { timeout: 180_000 },
  async (victim) => {
    await using broker = await TestBroker.start({ sync: 'always', sidecar: 'ownProcess' })
    await broker.api.put('orders', { retention: { maxBytes: '256Mi' }, deduplication: { window: '10m' } })
    const publishers = Array.from({ length: CAREFUL + CARELESS }, (_, n) => ({
      name: `p${n}`,
      isCareful: n < CAREFUL,
      acked: new Map<number, number>(),
    }))
    let isOver = false
    const clients = await Promise.all([broker.client(), broker.client()])
    const running = publishers.map((publisher, n) => {
      const client = clients[n % clients.length]
      if (client === undefined) throw new Error('no client')
      return publish(jetstream(client), publisher, () => isOver)
    })
    for (let kill = 0; kill < KILLS; kill++) {
      await delay(BETWEEN_MS + 17 * kill)
      if (victim === 'sidecar' || (victim === 'either' && kill % 2 === 0)) {
        await broker.sidecar.kill()
        await broker.sidecar.start()
      } else {
        await broker.nats.crash()
        await broker.nats.start()
      }
      await broker.ready()
    }
    isOver = true
    await Promise.all(running)
    const stored = await storedIn(broker, 'orders')
    check(publishers, stored)
    // The kills hit what was on its way, in batches.
    const inBatches = stored.filter(({ isBatched }) => isBatched).length
    expect(inBatches).toBeGreaterThan(stored.length / 2)
  },
)
