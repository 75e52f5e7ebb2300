import { setTimeout as delay } from 'node:timers/promises'
import { headers as natsHeaders } from '@nats-io/transport-node'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseQueueSpec, type QueueSpec } from '../../crds/index.ts'
import { isFinished } from '../../crds/protocol/operation.ts'
import { ACK_SUBJECT, deadLetterStream, deadLetterSubject } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../../sidecar/jetstream/access.ts'
import { Metrics } from '../../sidecar/metrics/metrics.ts'
import { QueueMetrics } from '../../sidecar/metrics/queue-metrics.ts'
import { Operations } from '../../sidecar/operations/operations.ts'
import { parseOperation } from '../../sidecar/operations/request.ts'
import { Queue } from '../../sidecar/queue/queue.ts'
import { parseAckSubject } from '../../sidecar/wire/ack-subject.ts'
import { type Admin, numbered, TestBroker, TOKEN, until } from './harness.ts'
import { type BareBroker, startBareBroker } from './harness/bare-broker.ts'
import { crashing, type Moment } from './harness/crashing.ts'

// Every write of an operation is in turn the one that a crash comes before or after; nothing is lost by it, and nothing doubled, also
// where deduplication has forgotten.

const WINDOW_MS = 100
const COUNT = 5
const logger = pino({ level: 'silent' })

let broker: BareBroker
let admin: Admin
let js: JetStreamAccess

beforeAll(async () => {
  broker = await startBareBroker()
  ;({ admin, js } = broker)
})
afterAll(() => broker?.[Symbol.asyncDispose]())

function specOf(more: object): QueueSpec {
  const limits = { retention: { maxBytes: '16Mi' }, deadLetter: { maxBytes: '16Mi' } }
  const parsed = parseQueueSpec({ ...limits, deduplication: { window: `${WINDOW_MS}ms` }, ...more })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  return parsed.value
}

interface Life {
  readonly operations: Operations
  readonly queues: Map<string, Queue>
}

/** What a sidecar does between its start and its end. */
async function live(hands: JetStreamAccess, specs: Readonly<Record<string, QueueSpec>>): Promise<Life> {
  const queues = new Map<string, Queue>()
  const operations = await Operations.open({ js: hands, logger, queues, repaired: () => undefined })
  for (const [name, spec] of Object.entries(specs)) {
    const queue = new Queue(hands, name, spec, 1, logger, new QueueMetrics(new Metrics('test'), name))
    await queue.start()
    queues.set(name, queue)
  }
  operations.resume()
  return { operations, queues }
}

async function end({ operations, queues }: Life): Promise<void> {
  await operations.stop()
  for (const queue of queues.values()) await queue.stop().catch(() => undefined)
}

const texts = async (stream: string, of = admin): Promise<string[]> =>
  (await of.messages(stream)).map(({ text }) => text).toSorted()

interface Trial {
  readonly from: string
  readonly to: string
  readonly specs: Readonly<Record<string, QueueSpec>>
  readonly request: object
  /** What is not asked for. */
  readonly left: readonly string[]
  /** Of the broker that the copies go to, where it is another one. */
  readonly other?: TestBroker
}

/** Begins the operation with hands that die at a write, lives on with others, and waits for the end; false: it did not come so far. */
async function survives({ from, specs, request }: Trial, at: number, moment: Moment): Promise<boolean> {
  const { js: hands, hasCrashed } = crashing(js, Number.POSITIVE_INFINITY, moment)
  const first = await live(hands, specs)
  await end(first)
  const faulty = crashing(js, at, moment)
  const life = await live(faulty.js, specs).catch(() => undefined)
  const source = life?.queues.get(from)
  if (life !== undefined && source !== undefined) {
    await life.operations.start(source, parseOperation(from, request)).catch(() => undefined)
    await until('it crashed or has ended', () => faulty.hasCrashed() || life.operations.list(from).every(isFinished))
    await end(life)
  }
  expect(hasCrashed()).toBe(false)
  await delay(2 * WINDOW_MS)
  const next = await live(js, specs)
  const again = next.queues.get(from)
  // A crash before it was noted that it began: whoever asked for it asks again.
  if (again !== undefined) await next.operations.start(again, parseOperation(from, request)).catch(() => undefined)
  await until('it has ended', () => next.operations.list(from).every(isFinished))
  expect(next.operations.list(from)).toMatchObject([{ state: 'Succeeded', done: COUNT, skipped: 0 }])
  const { accepted, moved, unaccounted } = (await again?.ledger()) ?? {}
  expect([unaccounted, (accepted ?? 0) - (moved ?? 0)]).toEqual([0, from.startsWith('m') ? 0 : (accepted ?? 0)])
  await end(next)
  return faulty.hasCrashed()
}

async function everyWrite(moment: Moment, trial: (at: number) => Promise<Trial>): Promise<number> {
  for (let at = 1; ; at++) {
    const one = await trial(at)
    const crashed = await survives(one, at, moment)
    const { from, to, other } = one
    const there = other?.admin ?? admin
    const stream = from.startsWith('m') ? from : deadLetterStream(from)
    expect({ at, left: await texts(stream), there: await texts(to, there) }).toEqual({
      at,
      left: one.left,
      there: numbered(COUNT),
    })
    expect((await there.stream(to)).state.last_seq).toBe(COUNT)
    await admin.clear()
    await other?.api.request('DELETE', `/queues/${to}?policy=Delete`)
    if (!crashed) return at
  }
}

// Five messages in batches of two.
const slowly = { ratePerSecond: 20, id: 'one' }

describe.each<Moment>(['before', 'after'])('a crash %s any write', (moment) => {
  it('of a redrive', async () => {
    const writes = await everyWrite(moment, async (at) => {
      const name = `d${moment}${at}`
      const specs = { [name]: specOf({}) }
      await end(await live(js, specs))
      for (const text of numbered(COUNT + 1)) {
        const headers = natsHeaders()
        headers.set('Pillion-Dead-Letter-Reason', 'rejected')
        headers.set('Pillion-Dead-Letter-Subject', `q.${name}`)
        await js.client.publish(deadLetterSubject(name), text, { headers })
      }
      const request = { kind: 'redrive', ...slowly, select: { count: COUNT } }
      return { from: name, to: name, specs, request, left: numbered(COUNT + 1).slice(COUNT) }
    })
    expect(writes).toBeGreaterThan(COUNT)
  })

  it('of a move of messages', async () => {
    const writes = await everyWrite(moment, async (at) => {
      const [from, to] = [`m${moment}${at}`, `t${moment}${at}`]
      const specs = { [from]: specOf({ paused: true }), [to]: specOf({}) }
      await end(await live(js, specs))
      for (const text of numbered(COUNT)) await js.client.publish(`q.${from}`, text)
      return { from, to, specs, request: { kind: 'move', from: 'messages', to, ...slowly }, left: [] }
    })
    expect(writes).toBeGreaterThan(COUNT)
  })

  it('of a move to another broker', async () => {
    await using elsewhere = await TestBroker.start()
    const broker = { url: elsewhere.sidecar.url, token: TOKEN }
    const writes = await everyWrite(moment, async (at) => {
      const [from, to] = [`m${moment}${at}`, `e${moment}${at}`]
      const specs = { [from]: specOf({ paused: true }) }
      await end(await live(js, specs))
      await elsewhere.api.put(to, { deduplication: { window: `${WINDOW_MS}ms` }, retention: { maxBytes: '16Mi' } })
      for (const text of numbered(COUNT)) await js.client.publish(`q.${from}`, text)
      const request = { kind: 'move', from: 'messages', to, broker, ...slowly }
      return { from, to, specs, request, left: [], other: elsewhere }
    })
    expect(writes).toBeGreaterThan(COUNT)
  })
})

it('what comes in while the Queue is held stays in the stream, though it was acknowledged, until it is released', async () => {
  const life = await live(js, { held: specOf({}) })
  const queue = life.queues.get('held')
  if (queue === undefined) throw new Error('the Queue is there')
  const acks = js.connection.subscribe(ACK_SUBJECT, {
    callback: (_, message) => {
      const ack = parseAckSubject(message.subject)
      if (ack !== undefined) queue.handleAck(ack, message)
    },
  })
  const acknowledge = async (): Promise<void> => {
    const consumer = await js.client.consumers.get('held', 'workers_fifo')
    expect(await (await consumer.next())?.ackAck()).toBe(true)
    // Twice, so that no purge is on its way.
    for (let times = 0; times < 2; times++) await queue.ledger()
  }
  const there = async (): Promise<number> => (await admin.stream('held')).state.messages
  await js.client.publish('q.held', 'before')
  await queue.holds.hold('operation')
  await js.client.publish('q.held', 'after')
  await acknowledge()
  expect(await there()).toBe(1)
  await acknowledge()
  expect(await there()).toBe(1)
  queue.holds.release('operation')
  await until('it is gone', async () => (await there()) === 0)
  acks.unsubscribe()
  await end(life)
})
