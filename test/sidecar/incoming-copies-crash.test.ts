import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseQueueSpec } from '../../crds/index.ts'
import type { CopyBatch } from '../../crds/protocol/copies.ts'
import type { JetStreamAccess } from '../../sidecar/jetstream/access.ts'
import { Metrics } from '../../sidecar/metrics/metrics.ts'
import { QueueMetrics } from '../../sidecar/metrics/queue-metrics.ts'
import { IncomingCopies } from '../../sidecar/operations/incoming/copies.ts'
import { Queue } from '../../sidecar/queue/queue.ts'
import { type BareBroker, startBareBroker } from './harness/bare-broker.ts'
import { crashing, type Moment } from './harness/crashing.ts'

// Every write of a sidecar that copies for another broker is in turn the one that a crash comes before or after. Whoever asked finds out
// what was copied, and asks for the rest: then each is there once, also where deduplication has forgotten.

const WINDOW_MS = 100
const logger = pino({ level: 'silent' })

let broker: BareBroker
beforeAll(async () => {
  broker = await startBareBroker()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

async function live(js: JetStreamAccess, name: string): Promise<{ copies: IncomingCopies; queue: Queue }> {
  const parsed = parseQueueSpec({
    retention: { maxBytes: '16Mi' },
    deadLetter: { maxBytes: '16Mi' },
    deduplication: { window: `${WINDOW_MS}ms` },
  })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  const copies = await IncomingCopies.open(js, () => undefined)
  const queue = new Queue(js, name, parsed.value, 1, logger, new QueueMetrics(new Metrics('test'), name))
  await queue.start()
  return { copies, queue }
}

const batchOf = (...sequences: number[]): CopyBatch => ({
  origin: { queue: 'from', stream: 'from', created: 'once' },
  messages: sequences.map((sequence) => ({
    sequence,
    subject: 'q.from',
    time: new Date().toISOString(),
    headers: [],
    data: Buffer.from(`m${sequence}`).toString('base64'),
  })),
})

const ALL = [1, 2, 3]

describe.each<Moment>(['before', 'after'])('a crash %s any write', (moment) => {
  it('of copying for another broker', async () => {
    const { admin, js } = broker
    for (let at = 1; ; at++) {
      const name = `in${moment}${at}`
      const made = await live(js, name)
      await made.queue.stop()
      const faulty = crashing(js, at, moment)
      const first = await live(faulty.js, name)
      await first.copies.copy(first.queue, 'move', 1, batchOf(...ALL)).catch(() => undefined)
      await first.queue.stop().catch(() => undefined)
      await delay(2 * WINDOW_MS)
      const { copies, queue } = await live(js, name)
      const copied = await copies.find(queue, 'move', 1)
      const rest = ALL.filter((sequence) => !copied.includes(sequence))
      await expect(copies.copy(queue, 'move', 1, batchOf(...ALL))).rejects.toThrow('was dealt with')
      if (rest.length > 0) await copies.copy(queue, 'move', 2, batchOf(...rest))
      const there = (await admin.messages(name)).map(({ text }) => text).toSorted()
      expect({ at, there }).toEqual({ at, there: ALL.map((sequence) => `m${sequence}`) })
      expect(Number.isFinite((await queue.ledger()).unaccounted)).toBe(true)
      await queue.stop()
      await admin.clear()
      if (faulty.hasCrashed()) continue
      expect(at).toBeGreaterThan(ALL.length + 2)
      return
    }
  })
})
