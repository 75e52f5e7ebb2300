import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { DURATION_MAX_LENGTH, formatDuration, isDuration, parseDuration } from './duration.ts'

describe('parseDuration', () => {
  test.each([
    ['0s', 0],
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['168h', 604_800_000],
    ['1h30m', 5_400_000],
    ['1h1m1s1ms', 3_661_001],
    ['90m', 5_400_000],
    ['00030s', 30_000],
    // As Go adds them up.
    ['1s1h', 3_601_000],
    ['1m1m', 120_000],
    ['99999h', 359_996_400_000],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  test.each(['', '30', 's', '1.5s', '-1s', '1d', '1w', ' 1s', '1s ', '1S', '100000s', '1h1h1h1h1h', '1s\n', '١s'])(
    'refuses %j and says how to write it',
    (text) => {
      expect(() => parseDuration(text)).toThrow(RangeError)
      expect(() => parseDuration(text)).toThrow(`${JSON.stringify(text)} is not a duration; write it like 500ms, 30s`)
    },
  )
})

describe('formatDuration', () => {
  test.each([
    [0, '0s'],
    [1, '1ms'],
    [1000, '1s'],
    [5_400_000, '1h30m'],
    [604_800_000, '168h'],
    [3_661_001, '1h1m1s1ms'],
    [359_999_999_999, '99999h59m59s999ms'],
  ])('%i ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 360_000_000_000])('refuses %d', (ms) => {
    expect(() => formatDuration(ms)).toThrow(RangeError)
  })

  property.prop([fc.integer({ min: 0, max: 359_999_999_999 })])('is undone by parseDuration', (ms) => {
    const text = formatDuration(ms)
    expect(isDuration(text)).toBe(true)
    expect(text.length).toBeLessThanOrEqual(DURATION_MAX_LENGTH)
    expect(parseDuration(text)).toBe(ms)
  })
})

const part = fc.record({ count: fc.integer({ min: 0, max: 99_999 }), unit: fc.constantFrom('h', 'm', 's', 'ms') })
property.prop([fc.array(part, { minLength: 1, maxLength: 4 })])('parts add up, in any order', (parts) => {
  const write = (some: typeof parts) => some.map(({ count, unit }) => `${count}${unit}`).join('')
  const sum = parts.reduce((total, one) => total + parseDuration(write([one])), 0)
  expect(parseDuration(write(parts))).toBe(sum)
  expect(parseDuration(write(parts.toReversed()))).toBe(sum)
  expect(write(parts).length).toBeLessThanOrEqual(DURATION_MAX_LENGTH)
})
