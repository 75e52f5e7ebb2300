import { describe, expect, test } from 'vitest'
import { startPlainQueue } from './fixture.ts'
import type { Mode } from './modes.ts'
import { runVerifier } from './verifier.ts'

// A plain stream delivers first in, first out, to whoever asks: none of the other modes, and each check has to see that.

const MESSAGES = 1500

const run = async (mode: Mode, subject: string, more: object = {}) => {
  await using queue = await startPlainQueue(subject)
  return await runVerifier({
    server: queue.server.url,
    queue: 'orders',
    mode,
    messages: MESSAGES,
    settleMs: 10_000,
    ...more,
  })
}

describe('a queue that is first in, first out', () => {
  test.each<[Mode, object]>([
    ['KeyedFifo', { keys: 8 }],
    ['Priority', {}],
    ['Hierarchical', { consumers: 1, marginMs: 100 }],
    ['Lru', { keys: 100 }],
  ])('is not %s', { timeout: 60_000 }, async (mode, more) => {
    const report = await run(mode, 'q.orders.>', more)
    expect(report).toMatchObject({ mode, published: MESSAGES, lost: 0 })
    expect(report.orderViolations).toBeGreaterThan(0)
    expect(report.orderChecked).toBeGreaterThan(report.orderViolations)
  })

  test('is not Exclusive', { timeout: 60_000 }, async () => {
    const report = await run('Exclusive', 'q.orders')
    expect(report).toMatchObject({ consumed: MESSAGES, lost: 0, orderViolations: 0 })
    expect(report.overlaps).toBeGreaterThan(100)
  })

  test('is Exclusive to a lone consumer, whoever comes after it dies', { timeout: 60_000 }, async () => {
    const report = await run('Exclusive', 'q.orders', { consumers: 1, killConsumers: 2, messages: 500 })
    expect(report).toMatchObject({ consumed: 500, lost: 0, orderViolations: 0, overlaps: 0, consumersKilled: 2 })
  })
})

test('consumers die with a message in hand: it counts when another has it', { timeout: 60_000 }, async () => {
  const report = await run('Fifo', 'q.orders', { consumers: 3, killConsumers: 4 })
  expect(report).toMatchObject({
    consumed: MESSAGES,
    lost: 0,
    duplicates: 0,
    redelivered: 4,
    consumersKilled: 4,
    orderViolations: 0,
    left: 0,
  })
})

test('what dies with a consumer and comes no more is lost', { timeout: 60_000 }, async () => {
  await using queue = await startPlainQueue()
  const { manager } = queue
  const { config } = await manager.consumers.info('orders', 'workers')
  await manager.consumers.update('orders', 'workers', { ...config, max_deliver: 1 })
  const given = { server: queue.server.url, queue: 'orders', messages: 300, killConsumers: 3, settleMs: 3000 }
  expect(await runVerifier(given)).toMatchObject({ consumed: 297, lost: 3, consumersKilled: 3 })
})

test('a --mode that the Queue does not have is refused', { timeout: 60_000 }, async () => {
  await expect(run('Priority', 'q.orders')).rejects.toThrow(
    /--mode is Priority, and Queue orders takes publishes as in/,
  )
})
