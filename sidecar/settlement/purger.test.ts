import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { MAX_IN_FLIGHT } from '../lanes/lane.ts'
import { Metrics } from '../metrics/metrics.ts'
import { QueueMetrics } from '../metrics/queue-metrics.ts'
import { laneState } from '../queue/lane-state.ts'
import { Purger } from './purger.ts'

/** Of tries that all fail at once; then they end, so that this ends too where nothing is waited for. */
const TRIES_AT_MOST = 1000

test('a purge that fails at once is tried again after a while, also near a limit', async () => {
  const lane = laneState(
    'workers',
    { name: 'fifo', filterSubject: 'q.a', maxAckPending: MAX_IN_FLIGHT },
    'workers_fifo',
  )
  lane.ledger.record([[1, 3]])
  let tries = 0
  const purger = new Purger({
    get js(): JetStreamAccess {
      throw new Error('what is tried fails before it is asked')
    },
    stream: 'a',
    logger: pino({ level: 'silent' }),
    metrics: new QueueMetrics(new Metrics('test'), 'a'),
    lanes: () => [lane],
    holdsAbove: () => Number.POSITIVE_INFINITY,
    purges: () => true,
    coveredThrough: () => Promise.resolve(3),
    nearLimit: () => true,
    visibilityTimeoutMs: () => 30_000,
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
