import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffDelay } from './backoff.ts'

describe('backoffDelay', () => {
  const policy = { initialMs: 100, factor: 2, maxMs: 1000, jitter: 0.5 }

  it('doubles up to the most', () => {
    expect([1, 2, 3, 4, 5, 100].map((failures) => backoffDelay(policy, failures, () => 0))).toEqual([
      100, 200, 400, 800, 1000, 1000,
    ])
  })

  it('leaves no more to chance than the jitter', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (failures, random) => {
          const full = backoffDelay(policy, failures, () => 0)
          const delay = backoffDelay(policy, failures, () => random)
          expect(delay).toBeLessThanOrEqual(full)
          expect(delay).toBeGreaterThan(full * (1 - policy.jitter))
        },
      ),
    )
  })
})
