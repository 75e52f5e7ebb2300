import { setTimeout as delay } from 'node:timers/promises'
import { createInbox, type Msg } from '@nats-io/transport-node'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseQueueSpec, type QueueSpec } from '../../crds/index.ts'
import { ACK_SUBJECT } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../../sidecar/jetstream/access.ts'
import { Metrics } from '../../sidecar/metrics/metrics.ts'
import { QueueMetrics } from '../../sidecar/metrics/queue-metrics.ts'
import { Queue } from '../../sidecar/queue/queue.ts'
import { parseAckSubject } from '../../sidecar/wire/ack-subject.ts'
import { type Admin, type QueueInput, until } from './harness.ts'
import { type BareBroker, startBareBroker } from './harness/bare-broker.ts'
import { crashing, type Moment } from './harness/crashing.ts'

// Every write of moving a message to the dead letters is in turn the one that a crash comes before or after. Afterwards there is one of it: it
// is delivered again, or it is a dead letter, also where deduplication has forgotten.

const WINDOW_MS = 100
const VISIBILITY_MS = 1000
const PULL_MS = 500
const SWEEP_MS = 200

let broker: BareBroker
let admin: Admin
let js: JetStreamAccess

beforeAll(async () => {
  broker = await startBareBroker()
  ;({ admin, js } = broker)
})
afterAll(() => broker?.[Symbol.asyncDispose]())

function specOf(more: QueueInput): QueueSpec {
  const parsed = parseQueueSpec({
    retention: { maxBytes: '16Mi' },
    deadLetter: { maxBytes: '16Mi' },
    deduplication: { window: `${WINDOW_MS}ms` },
    retry: { visibilityTimeout: `${VISIBILITY_MS}ms`, backoff: { initial: '0s' } },
    ...more,
  })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  return parsed.value
}

interface Case {
  readonly spec: QueueSpec
  /** What comes after `q.<queue>`. */
  readonly subject: string
}

const pulls = (name: string): string => `test.pull.${name}`

interface Life extends AsyncDisposable {
  readonly queue: Queue
}

/** What a sidecar does between its start and its end. */
async function live(hands: JetStreamAccess, name: string, spec: QueueSpec): Promise<Life> {
  const logger = pino({ level: process.env.PILLION_LOG_LEVEL ?? 'silent' })
  const queue = new Queue(hands, name, spec, 1, logger, new QueueMetrics(new Metrics('test'), name))
  await queue.start()
  const acks = hands.connection.subscribe(ACK_SUBJECT, {
    callback: (_, message) => {
      const ack = parseAckSubject(message.subject)
      if (ack?.stream === name) queue.handleAck(ack, message)
    },
  })
  const asked = hands.connection.subscribe(pulls(name), {
    callback: (_, message) => queue.handlePull('workers', message),
  })
  const sweeper = setInterval(() => void queue.sweep(performance.now()).catch(() => undefined), SWEEP_MS)
  return {
    queue,
    [Symbol.asyncDispose]: async () => {
      clearInterval(sweeper)
      acks.unsubscribe()
      asked.unsubscribe()
      await queue.stop().catch(() => undefined)
    },
  }
}

/** Pulls as a client does, of a sidecar that has no broker around it. */
async function take(name: string, batch: number): Promise<Msg[]> {
  const inbox = createInbox()
  const messages: Msg[] = []
  const subscription = admin.connection.subscribe(inbox)
  admin.connection.publish(pulls(name), JSON.stringify({ batch, expires: PULL_MS * 1e6 }), { reply: inbox })
  const timer = setTimeout(() => subscription.unsubscribe(), 2 * PULL_MS)
  for await (const message of subscription) {
    // A status has no subject to answer at.
    if (message.reply) messages.push(message)
    if (!message.reply || messages.length === batch) break
  }
  clearTimeout(timer)
  return messages
}

/** Whether it crashed. Rejects a message with hands that die at a write, lives on with others, and takes what is delivered. */
async function survives(name: string, { spec, subject }: Case, at: number, moment: Moment): Promise<boolean> {
  {
    await using _ = await live(js, name, spec)
    await js.client.publish(`q.${name}${subject}`, 'rejected')
  }
  const faulty = crashing(js, Number.POSITIVE_INFINITY, moment)
  {
    await using life = await live(faulty.js, name, spec)
    faulty.arm(at, moment)
    const [message] = await take(name, 1)
    admin.connection.publish(message?.reply ?? '', '+TERM a reason')
    await until('it crashed or is over', async () => {
      if (faulty.hasCrashed()) return true
      const ledger = await life.queue.ledger().catch(() => undefined)
      return ledger?.inFlight === 0 && (await admin.stream(name)).state.messages === 0
    })
  }
  // Longer than deduplication remembers.
  await delay(2 * WINDOW_MS)
  await using life = await live(js, name, spec)
  let delivered = 0
  await until('nothing is left', async () => {
    for (const { reply = '' } of await take(name, 10)) {
      delivered++
      await admin.connection.request(reply, '+ACK', { timeout: 5000 })
    }
    return (await admin.stream(name)).state.messages === 0
  })
  const letters = (await admin.deadLetters(name)).length
  expect({ at, copies: delivered + letters }).toEqual({ at, copies: 1 })
  await until('it balances', async () => {
    const { deadLettered, acknowledged, unaccounted } = await life.queue.ledger()
    return deadLettered === letters && acknowledged === delivered && unaccounted === 0
  })
  return faulty.hasCrashed()
}

const CASES: ReadonlyArray<readonly [mode: string, spec: QueueInput, subject: string]> = [
  ['Fifo', {}, ''],
  ['KeyedFifo', { ordering: { mode: 'KeyedFifo' } }, '.key'],
  ['Priority', { ordering: { mode: 'Priority' } }, '.1'],
  ['Lru', { ordering: { mode: 'Lru' } }, '.key'],
  ['Hierarchical', { type: 'Hierarchical' }, '.a.b'],
]

describe.each<Moment>(['before', 'after'])('a crash %s any write of moving to the dead letters', (moment) => {
  it.each(CASES)('%s', async (mode, more, subject) => {
    const spec = specOf(more)
    for (let at = 1; ; at++) {
      const name = `${mode}${moment}${at}`.toLowerCase()
      const crashed = await survives(name, { spec, subject }, at, moment)
      await admin.clear()
      if (crashed) continue
      // The dead letter, the record of it, and the purge.
      expect(at).toBeGreaterThan(3)
      return
    }
  })
})
