import { setImmediate as turn } from 'node:timers/promises'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { MAX_IN_FLIGHT } from '../lanes/lane.ts'
import { Metrics } from '../metrics/metrics.ts'
import { QueueMetrics } from '../metrics/queue-metrics.ts'
import { laneState } from '../queue/lane-state.ts'
import { SettlementLog } from './log.ts'
import { Settler } from './settler.ts'

const unasked = (): never => {
  throw new Error('nats-server is not asked here')
}
const js: JetStreamAccess = {
  get connection() {
    return unasked()
  },
  get client() {
    return unasked()
  },
  get manager() {
    return unasked()
  },
  timeoutMs: 1000,
}

/** A log whose writes end when the test says so. */
class SlowLog extends SettlementLog {
  readonly #writes: Array<() => void> = []

  override append(): Promise<void> {
    return new Promise((done) => this.#writes.push(done))
  }

  override compact(): Promise<void> {
    return this.append()
  }

  get underWay(): number {
    return this.#writes.length
  }

  async confirm(): Promise<void> {
    for (const done of this.#writes.splice(0)) done()
    await turn()
  }
}

function settlerOn(log: SettlementLog): { settler: Settler; settle: (sequence: number) => void } {
  const lane = laneState(
    'workers',
    { name: 'fifo', filterSubject: 'q.a', maxAckPending: MAX_IN_FLIGHT },
    'workers_fifo',
  )
  lane.ledger.sawDelivered(10)
  const settler = new Settler({
    js,
    log,
    stream: 'a',
    logger: pino({ level: 'silent' }),
    metrics: new QueueMetrics(new Metrics('test'), 'a'),
    lanes: () => [lane],
    accounts: () => new Map(),
    created: () => '',
    holdsAbove: () => Number.POSITIVE_INFINITY,
    purges: () => false,
    passesOn: () => false,
    isAwaited: () => false,
    onQuiet: () => undefined,
    coveredThrough: () => Promise.resolve(0),
    nearLimit: () => false,
    visibilityTimeoutMs: () => 30_000,
    exclusively: (work) => work(),
  })
  return { settler, settle: (sequence) => settler.settle(lane, sequence, 'acknowledged') }
}

test('everybody who waits for the record of what was settled gets to wait for it, however many there are', async () => {
  const log = new SlowLog(js, 'a')
  const { settler, settle } = settlerOn(log)
  settle(1)
  const first = settler.recorded()
  settle(2)
  const done: string[] = []
  const others = ['second', 'third'].map((name) => settler.recorded().then(() => done.push(name)))
  await turn()
  expect(log.underWay).toBe(1)
  await log.confirm()
  await first
  expect({ done, underWay: log.underWay }).toEqual({ done: [], underWay: 1 })
  await log.confirm()
  await Promise.all(others)
  settler.abandon()
})

test('a compaction that is under way is not taken for that record', async () => {
  const log = new SlowLog(js, 'a')
  const { settler, settle } = settlerOn(log)
  const restated = settler.restate()
  await turn()
  settle(1)
  let isDone = false
  const recorded = settler.recorded().then(() => (isDone = true))
  await log.confirm()
  await restated
  await turn()
  expect({ isDone, underWay: log.underWay }).toEqual({ isDone: false, underWay: 1 })
  await log.confirm()
  await recorded
  settler.abandon()
})
