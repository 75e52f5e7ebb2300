import { describe, expect, test } from 'vitest'
import { median, row, table } from './row.ts'

describe('median', () => {
  test.each([
    [[5], 5],
    [[3, 1, 2], 2],
    [[10, 9, 1, 2], 5.5],
    [[100, 20, 3], 20],
  ])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected)
  })

  test('of nothing is an error', () => {
    expect(() => median([])).toThrow(RangeError)
  })
})

test('a row has the medians of both sides and their ratio', () => {
  const made = row({ name: 'consume', mode: 'Fifo', durability: 'Interval' }, 'msg/s', [50, 70, 60], [100, 90, 80])
  expect(made).toEqual({
    name: 'consume',
    mode: 'Fifo',
    durability: 'Interval',
    unit: 'msg/s',
    ours: 60,
    raw: 90,
    ratio: 0.67,
    oursRuns: [50, 70, 60],
    rawRuns: [100, 90, 80],
  })
  expect(table([made])).toBe(
    [
      'name     mode  durability  ours        raw          ratio  unit',
      'consume  Fifo  Interval    60 (50–70)  90 (80–100)  0.67   msg/s',
    ].join('\n'),
  )
})

test('a table has a column for each peer, and says below which were not run, and why', () => {
  const publish = (inFlight: number, ours: number, peers: Parameters<typeof row>[4]) =>
    row({ name: 'publish', mode: 'Fifo', durability: 'Always', inFlight }, 'msg/s', [ours], [10], peers)
  const redis = { version: '8.0.6', median: 40, runs: [40] }
  const notRun = 'it comes from a Debian package'
  expect(table([publish(1, 20, { redis, rabbitmq: { notRun } }), publish(10, 30, { redis })])).toBe(
    [
      'name     mode  durability  inFlight  ours  raw  ratio  redis  rabbitmq  unit',
      'publish  Fifo  Always      1         20    10   2      40               msg/s',
      'publish  Fifo  Always      10        30    10   3      40               msg/s',
      `not run: rabbitmq, publish 1: ${notRun}`,
    ].join('\n'),
  )
})
