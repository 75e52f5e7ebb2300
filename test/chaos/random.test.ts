import { expect, test } from 'vitest'
import { pick, randomOf } from './random.ts'

test('a seed gives the same numbers each time, and another one others', () => {
  const numbers = (seed: number): number[] => Array.from({ length: 5 }, randomOf(seed))
  expect(numbers(1)).toEqual(numbers(1))
  expect(numbers(1)).not.toEqual(numbers(2))
  expect(numbers(1).every((number) => number >= 0 && number < 1)).toBe(true)
})

test('what has a larger weight is picked more often, what has none never', () => {
  const random = randomOf(7)
  const counts = { often: 0, seldom: 0, never: 0 }
  for (let n = 0; n < 1000; n++)
    counts[pick(random, [[9, 'often'] as const, [1, 'seldom'] as const, [0, 'never'] as const])]++
  expect(counts.never).toBe(0)
  expect(counts.often).toBeGreaterThan(5 * counts.seldom)
})
