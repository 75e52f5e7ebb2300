import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually, numbered, TestBroker } from './harness.ts'

let broker: TestBroker

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

it('every metric is there, with its type, once a Queue is', async () => {
  await broker.api.put('typed')
  const { text } = await broker.api.request('GET', '/metrics')
  const types = Object.fromEntries(
    [...text.matchAll(/^# TYPE (pillion_\w+) (\w+)$/gm)].map(([, name, type]) => [name, type]),
  )
  const of = (type: string, names: string): object =>
    Object.fromEntries(names.split(' ').map((name) => [`pillion_${name}`, type]))
  expect(types).toMatchObject({
    ...of(
      'gauge',
      'queue_messages_ready queue_messages_in_flight queue_messages_delayed queue_messages_dead_lettered queue_bytes queue_oldest_message_age_seconds queue_limit_messages queue_limit_bytes queue_paused queue_waiting_pulls queue_unrecorded_messages broker_connected broker_store_bytes broker_store_limit_bytes broker_queues build_info',
    ),
    ...of(
      'counter',
      'queue_published_total queue_pulls_total queue_acknowledged_total queue_nacked_total queue_redelivered_total queue_dead_lettered_total queue_dropped_total queue_drift_corrected_total queue_invalid_requests_total broker_reconnects_total',
    ),
    ...of('histogram', 'settlement_append_seconds settlement_purge_seconds settlement_batch_messages'),
  })
  for (const name of ['process_resident_memory_bytes', 'nodejs_eventloop_lag_seconds'])
    expect(text).toContain(`\n${name} `)
  // Prometheus takes no two series of one name and the same labels, and no value that is no number.
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const keys = series.map((line) => line.slice(0, line.lastIndexOf(' ')))
  expect(new Set(keys).size).toBe(keys.length)
  expect(series.filter((line) => Number.isNaN(Number(line.slice(line.lastIndexOf(' ')))))).toEqual([])
})

it('the values are those of known traffic', async () => {
  const queue = 'orders'
  const group = 'workers'
  await broker.api.put(queue, {
    retention: { maxMessages: 100, maxBytes: '32Mi' },
    retry: { maxAttempts: 2, backoff: { initial: '0s' }, visibilityTimeout: '1h' },
  })
  const metric = (name: string, labels: object = {}): Promise<number | undefined> =>
    broker.api.metric(`pillion_queue_${name}`, { queue, ...labels })
  const puller = await broker.puller(queue)
  await broker.publish(queue, ...numbered(20))

  // 20 published: 5 acknowledged, 1 of them after a NAK; 2 dead-lettered by TERM, 1 by the last NAK; 3 in flight; 9 ready.
  const got = await puller.take(11)
  for (const message of got.slice(0, 4)) await message.settle()
  await got[4]?.settle('-NAK')
  await (await puller.one()).settle()
  await got[5]?.settle('+TERM one')
  await got[6]?.settle('+TERM two')
  await got[7]?.settle('-NAK')
  await (await puller.one()).settle('-NAK')
  await got[8]?.settle('nonsense')

  await eventually(async () => {
    expect(await metric('messages_ready')).toBe(9)
    expect(await metric('messages_in_flight')).toBe(3)
    expect(await metric('messages_dead_lettered')).toBe(3)
    expect(await metric('messages_delayed')).toBe(0)
    expect(await metric('unrecorded_messages', { group })).toBe(3)
  })
  expect(await metric('published_total')).toBe(20)
  expect(await metric('acknowledged_total', { group })).toBe(5)
  expect(await metric('nacked_total', { group })).toBe(3)
  expect(await metric('redelivered_total', { group })).toBe(2)
  expect(await metric('dead_lettered_total', { group, reason: 'rejected' })).toBe(2)
  expect(await metric('dead_lettered_total', { group, reason: 'max-attempts' })).toBe(1)
  expect(await metric('invalid_requests_total', { kind: 'ack' })).toBe(1)
  expect(await metric('limit_messages')).toBe(100)
  expect(await metric('limit_bytes')).toBe(32 * 1024 * 1024)
  expect(await metric('paused')).toBe(0)
  expect(await metric('bytes')).toBeGreaterThan(0)
  expect(await metric('bytes')).toBeLessThan(20 * 1024)
  const pulls = await metric('pulls_total', { group })
  expect(pulls).toBeGreaterThanOrEqual(3)

  // Pulls that wait are counted, and the oldest message grows older.
  await puller.take(9)
  puller.request({ batch: 5, expires: 60e9 })
  puller.request({ batch: 5, expires: 60e9 })
  const age = (await metric('oldest_message_age_seconds')) ?? 0
  await eventually(async () => {
    expect(await metric('waiting_pulls', { group })).toBe(2)
    expect(await metric('oldest_message_age_seconds')).toBeGreaterThan(age + 1)
  })

  const sum = (name: string): Promise<number | undefined> => broker.api.metric(name, { queue })
  expect(await sum('pillion_settlement_batch_messages_sum')).toBe(8)
  expect(await sum('pillion_settlement_append_seconds_count')).toBe(
    await sum('pillion_settlement_batch_messages_count'),
  )
  expect(await sum('pillion_settlement_append_seconds_sum')).toBeGreaterThan(0)
  expect(await sum('pillion_settlement_purge_seconds_count')).toBeGreaterThan(0)

  expect(await broker.api.metric('pillion_broker_connected')).toBe(1)
  expect(await broker.api.metric('pillion_broker_queues')).toBe(2)
  expect(await broker.api.metric('pillion_broker_store_bytes')).toBeGreaterThan(0)
  expect(await broker.api.metric('pillion_build_info', { version: 'dev' })).toBe(1)
})
