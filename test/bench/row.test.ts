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
    'name     mode  durability  ours  raw  ratio  unit\nconsume  Fifo  Interval    60    90   0.67   msg/s',
  )
})
