import { describe, expect, test } from 'vitest'
import { Metrics } from './metrics.ts'
import { QueueMetrics } from './queue-metrics.ts'

const linesOf = async (metrics: Metrics, queue: string) =>
  (await metrics.registry.metrics()).split('\n').filter((line) => line.includes(`queue="${queue}"`))

describe('counters of a Queue', () => {
  test('are there before they count, so that a rate sees the first event', async () => {
    const metrics = new Metrics('0.0.0')
    metrics.beginAtZero('orders', 'workers')
    expect(await linesOf(metrics, 'orders')).toEqual([
      'pillion_queue_pulls_total{queue="orders",group="workers"} 0',
      'pillion_queue_acknowledged_total{queue="orders",group="workers"} 0',
      'pillion_queue_nacked_total{queue="orders",group="workers"} 0',
      'pillion_queue_redelivered_total{queue="orders",group="workers"} 0',
      'pillion_queue_failovers_total{queue="orders",group="workers"} 0',
      'pillion_queue_drift_corrected_total{queue="orders"} 0',
    ])
  })

  test('keep what they counted', async () => {
    const metrics = new Metrics('0.0.0')
    new QueueMetrics(metrics, 'orders').nacked('workers')
    metrics.beginAtZero('orders', 'workers')
    expect(await linesOf(metrics, 'orders')).toContain('pillion_queue_nacked_total{queue="orders",group="workers"} 1')
  })

  test('go with it', async () => {
    const metrics = new Metrics('0.0.0')
    for (const name of ['orders', 'bills']) {
      metrics.beginAtZero(name, 'workers')
      const queue = new QueueMetrics(metrics, name)
      queue.pull('workers')
      queue.ended('workers', 2)
      queue.appended(0.001, 2)
      queue.purged(0.001)
    }
    new QueueMetrics(metrics, 'orders').remove(['workers'])
    expect(await linesOf(metrics, 'orders')).toEqual([])
    expect(await linesOf(metrics, 'bills')).not.toEqual([])
  })
})
