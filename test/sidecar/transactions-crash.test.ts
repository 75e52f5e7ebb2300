import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseQueueSpec, type QueueSpec } from '../../crds/index.ts'
import { ACK_SUBJECT, API_PREFIX } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../../sidecar/jetstream/access.ts'
import { Metrics } from '../../sidecar/metrics/metrics.ts'
import { Peers } from '../../sidecar/peers/peers.ts'
import { QueueMetrics } from '../../sidecar/metrics/queue-metrics.ts'
import { Queue } from '../../sidecar/queue/queue.ts'
import { Transactions } from '../../sidecar/transactions/transactions.ts'
import { parseAckSubject } from '../../sidecar/wire/ack-subject.ts'
import { type Admin, eventually, until } from './harness.ts'
import { type BareBroker, startBareBroker } from './harness/bare-broker.ts'
import { crashing, type Moment } from './harness/crashing.ts'
import { to } from './harness/transactions.ts'

// Every write of a transaction is in turn the one that a crash comes before or after. It takes effect as a whole or not at all, and once, also
// where deduplication has forgotten.

const WINDOW_MS = 100
const logger = pino({ level: process.env.PILLION_LOG_LEVEL ?? 'silent' })

let broker: BareBroker
let admin: Admin
let js: JetStreamAccess

beforeAll(async () => {
  broker = await startBareBroker()
  ;({ admin, js } = broker)
})
afterAll(() => broker?.[Symbol.asyncDispose]())

function specOf(): QueueSpec {
  const parsed = parseQueueSpec({
    retention: { maxBytes: '16Mi' },
    deadLetter: { maxBytes: '16Mi' },
    deduplication: { window: `${WINDOW_MS}ms` },
    retry: { visibilityTimeout: '2s', backoff: { initial: '10ms' } },
  })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  return parsed.value
}

interface Life extends AsyncDisposable {
  readonly transactions: Transactions
  readonly queues: ReadonlyMap<string, Queue>
}

/** What a sidecar does between its start and its end. */
async function live(hands: JetStreamAccess, names: readonly string[]): Promise<Life> {
  const queues = new Map<string, Queue>()
  const told = { ended: () => undefined, checkedBack: () => undefined }
  const transactions = await Transactions.open({ js: hands, logger, queues, peers: new Peers(false), ...told })
  for (const name of names) {
    const queue = new Queue(hands, name, specOf(), 1, logger, new QueueMetrics(new Metrics('test'), name))
    transactions.restoreHolds(queue)
    await queue.start()
    queues.set(name, queue)
  }
  const acks = hands.connection.subscribe(ACK_SUBJECT, {
    callback: (_, message) => {
      const ack = parseAckSubject(message.subject)
      if (ack !== undefined) queues.get(ack.stream)?.handleAck(ack, message)
    },
  })
  transactions.resume()
  return {
    transactions,
    queues,
    [Symbol.asyncDispose]: async () => {
      acks.unsubscribe()
      await transactions.stop()
      for (const queue of queues.values()) await queue.stop().catch(() => undefined)
    },
  }
}

const texts = async (stream: string): Promise<string[]> => (await admin.messages(stream)).map(({ text }) => text)

/** Delivers the oldest message; where to acknowledge it. */
async function receive(queue: string): Promise<string> {
  const subject = `${API_PREFIX}.CONSUMER.MSG.NEXT.${queue}.workers_fifo`
  const options = { timeout: 6000, noMux: true }
  const message = await js.connection.request(subject, JSON.stringify({ batch: 1, expires: 5e9 }), options)
  return message.reply ?? ''
}

/** @param hasCrashed whether there is nobody to ask any more */
type Script = (transactions: Transactions, ack: string, hasCrashed: () => boolean) => Promise<void>

const SECRET = 'a secret of a test'
/** Of what comes later, after a crash most often. Milliseconds. */
const LATER_MS = 50
const sendsTo = (one: string, two: string): Array<ReturnType<typeof to>[number] & { headers?: object }> => [
  ...to(one, 'a', 'b'),
  ...to(two, 'c'),
  ...to(two, 'later', 'later too').map((send) => ({ ...send, headers: { 'Pillion-Delay': `${LATER_MS}ms` } })),
]

interface Trial {
  readonly from: string
  readonly one: string
  readonly two: string
}

/** @returns whether it crashed, and whether the transaction was committed */
async function survives(
  { from, one, two }: Trial,
  { script, ended }: Course,
  at: number,
  moment: Moment,
): Promise<{ crashed: boolean; committed: boolean }> {
  const names = [from, one, two]
  {
    await using _ = await live(js, names)
    await js.client.publish(`q.${from}`, 'cause')
  }
  const ack = await receive(from)
  const run = script({ from, one, two })
  const faulty = crashing(js, Number.POSITIVE_INFINITY, 'before')
  const { hasCrashed } = await (async () => {
    await using life = await live(faulty.js, names)
    faulty.arm(at, moment)
    await run(life.transactions, ack, faulty.hasCrashed).catch(() => undefined)
    await until('it crashed or nothing is open', () => faulty.hasCrashed() || life.transactions.openCount === 0)
    return faulty
  })()
  // Longer than the deduplication window, and than the visibility timeout has left.
  await delay(2 * WINDOW_MS)
  await using life = await live(js, names)
  // Whoever lost the answer asks again.
  await run(life.transactions, ack, () => false).catch(() => undefined)
  await until('nothing is open', () => life.transactions.openCount === 0)
  await eventually(async () => expect(await admin.transactionWords()).toBe(0))
  const state = await ended(life.transactions)
  expect(['Committed', 'Aborted']).toContain(state)
  const committed = state === 'Committed'
  await until('nothing waits for its time', async () => (await life.queues.get(two)?.delayed.count()) === 0)
  expect({ at, one: await texts(one), two: await texts(two) }).toEqual({
    at,
    one: committed ? ['a', 'b'] : [],
    two: committed ? ['c', 'later', 'later too'] : [],
  })
  expect((await admin.stream(one)).state.last_seq).toBe(committed ? 2 : 0)
  expect((await admin.stream(two)).state.last_seq).toBe(committed ? 3 : 0)
  // It is acknowledged, or delivered again.
  if (committed) {
    const queue = life.queues.get(from)
    expect(await queue?.ledger()).toMatchObject({ acknowledged: 1, ready: 0, inFlight: 0, unaccounted: 0 })
    // What was held leaves the Queue once it is acknowledged.
    const consumer = await js.client.consumers.get(one, 'workers_fifo')
    for await (const message of await consumer.fetch({ max_messages: 2, expires: 5000 })) await message.ackAck()
    await eventually(async () => expect((await admin.stream(one)).state.messages).toBe(0))
  } else expect(await receive(from)).toContain(`$JS.ACK.${from}`)
  return { crashed: hasCrashed(), committed }
}

interface Course {
  /** Made anew for each trial, and run again after the crash: it remembers what was answered before. */
  readonly script: (trial: Trial) => Script
  /** How it ended. */
  readonly ended: (transactions: Transactions) => Promise<string>
  /** Whether it is committed where nothing crashes. */
  readonly commits: boolean
}

/** Of a transaction of this broker. */
const own = (script: Course['script']): Course => ({
  commits: true,
  script,
  ended: async (transactions) => (await transactions.get('crashed')).state,
})

/** How many writes there were, and after how many crashes it was committed. */
async function everyWrite(moment: Moment, name: string, course: Course): Promise<[number, number]> {
  let commits = 0
  for (let at = 1; ; at++) {
    const prefix = `${name}${moment}${at}`
    const trial = { from: `${prefix}f`, one: `${prefix}o`, two: `${prefix}t` }
    const { crashed, committed } = await survives(trial, course, at, moment)
    await admin.clear()
    if (!crashed) {
      expect(committed).toBe(course.commits)
      return [at, commits]
    }
    if (committed) commits++
  }
}

/**
 * Of this broker's part in a transaction of another, which asks it for its vote, and tells it what it decides until it is carried out.
 *
 * @param decide what it does after it heard a yes, or nothing; undefined: it asks for the vote again
 */
const part = (decide: (isHeard: boolean) => 'commit' | 'abort' | undefined): Course => ({
  commits: decide(true) === 'commit',
  script: ({ one, two }) => {
    const path = { coordinator: 'elsewhere', id: 'crashed' }
    let decision: 'commit' | 'abort' | undefined
    return async ({ participations }, ack, hasCrashed) => {
      const asked = { startedAt: 1, sends: sendsTo(one, two), acks: [ack] }
      const vote = (): Promise<boolean> =>
        participations.prepare(path, asked).then(
          (answer) => answer.vote === 'yes',
          () => false,
        )
      decision ??= decide(await vote())
      if (decision === undefined) return
      const tell = decision === 'commit' ? 'commit' : 'abort'
      await until('it is carried out', async () => {
        const { done } = await participations[tell](path, { startedAt: 1 })
        return done || hasCrashed()
      })
    }
  },
  // Of what was never prepared nothing is known.
  ended: (transactions) =>
    transactions.get('crashed', 'elsewhere').then(
      ({ state }) => state,
      () => 'Aborted',
    ),
})

describe.each<Moment>(['before', 'after'])('a crash %s any write', (moment) => {
  it('of a transaction that is asked for at once', async () => {
    const [writes, commits] = await everyWrite(
      moment,
      'w',
      own(({ one, two }) => async (transactions, ack) => {
        await transactions.transact({ id: 'crashed', sends: sendsTo(one, two), acks: [ack] })
      }),
    )
    expect(writes).toBeGreaterThan(5)
    // It was asked for again.
    expect(commits).toBe(writes - 1)
  })

  it('of one in steps', async () => {
    const [writes, commits] = await everyWrite(
      moment,
      's',
      own(({ one, two }) => async (transactions, ack) => {
        const named = { id: 'crashed', secret: SECRET }
        const { state } = await transactions.begin({ ...named, timeout: '1m' })
        if (state === 'Open') {
          await transactions.send({ ...named, from: 0, sends: sendsTo(one, two) })
          await transactions.acknowledge({ ...named, acks: [ack] })
          await transactions.prepare(named)
        }
        await transactions.commit(named)
      }),
    )
    expect(writes).toBeGreaterThan(7)
    expect(commits).toBeGreaterThan(3)
  })

  it('of a part in a transaction of another broker, which insists on it', async () => {
    const insisting = part((isHeard) => (isHeard ? 'commit' : undefined))
    const [writes, commits] = await everyWrite(moment, 'i', insisting)
    expect(writes).toBeGreaterThan(5)
    expect(commits).toBe(writes - 1)
  })

  it('of a part in a transaction of another broker, which aborts it where it hears no vote', async () => {
    const impatient = part((isHeard) => (isHeard ? 'commit' : 'abort'))
    const [writes, commits] = await everyWrite(moment, 'p', impatient)
    expect(commits).toBeGreaterThan(2)
    expect(commits).toBeLessThan(writes - 1)
  })

  it('of a part in a transaction of another broker, which is aborted', async () => {
    const [writes, commits] = await everyWrite(
      moment,
      'a',
      part(() => 'abort'),
    )
    expect(writes).toBeGreaterThan(3)
    expect(commits).toBe(0)
  })
})
