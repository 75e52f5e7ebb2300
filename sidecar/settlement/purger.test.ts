import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { MAX_IN_FLIGHT } from '../lanes/lane.ts'
import { Metrics } from '../metrics/metrics.ts'
import { QueueMetrics } from '../metrics/queue-metrics.ts'
import { type LaneState, laneState } from '../queue/lane-state.ts'
import { Purger, type PurgerOptions } from './purger.ts'

/** Of tries that all fail at once; then they end, so that this ends too where nothing is waited for. */
const TRIES_AT_MOST = 1000

const options = (lane: LaneState): Omit<PurgerOptions, 'js' | 'exclusively'> => ({
  stream: 'a',
  logger: pino({ level: 'silent' }),
  metrics: new QueueMetrics(new Metrics('test'), 'a'),
  lanes: () => [lane],
  holdsAbove: () => Number.POSITIVE_INFINITY,
  purges: () => true,
  coveredThrough: () => Promise.resolve(3),
  nearLimit: () => true,
  visibilityTimeoutMs: () => 30_000,
})
const fifoLane = (): LaneState =>
  laneState('workers', { name: 'fifo', filterSubject: 'q.a', maxAckPending: MAX_IN_FLIGHT }, 'workers_fifo')

test('a purge that fails at once is tried again after a while, also near a limit', async () => {
  const lane = fifoLane()
  lane.ledger.record([[1, 3]])
  let tries = 0
  const purger = new Purger({
    ...options(lane),
    get js(): JetStreamAccess {
      throw new Error('what is tried fails before it is asked')
    },
    exclusively: () => {
      tries++
      if (tries === TRIES_AT_MOST) purger.stop()
      return Promise.reject(new Error('the connection is closed'))
    },
  })
  purger.schedule()
  await delay(100)
  purger.stop()
  expect(tries).toBe(1)
})

test('nothing is let go of that a stream without messages never had, and no time is spent on it', async () => {
  const lane = fifoLane()
  let passes = 0
  const purger = new Purger({
    ...options(lane),
    get js(): JetStreamAccess {
      throw new Error('there is nothing to ask of nats-server')
    },
    exclusively: (work) => {
      passes++
      if (passes === TRIES_AT_MOST) purger.stop()
      return work()
    },
  })
  // What a stream that never had a message gives: its first sequence, which is 0, less one.
  purger.purgedThrough = -1
  await purger.letGo()
  await delay(100)
  purger.stop()
  expect(lane.unacked.size).toBe(0)
  expect(passes).toBe(1)
})
