import { describe, expect, it } from 'vitest'
import { conditionsOf, factFor, isFalse, isTrue } from './condition.ts'

const first = new Date('2026-01-01T00:00:00.123Z')
const later = new Date('2026-01-01T01:00:00Z')

describe('conditionsOf', () => {
  it('keeps the time of the last transition while the status stays', () => {
    const before = conditionsOf({ Ready: isFalse('A', 'a') }, undefined, 1, first)
    expect(before[0]?.lastTransitionTime).toBe('2026-01-01T00:00:00Z')
    const [same] = conditionsOf({ Ready: isFalse('B', 'b') }, before, 2, later)
    expect(same).toEqual({
      type: 'Ready',
      status: 'False',
      reason: 'B',
      message: 'b',
      observedGeneration: 2,
      lastTransitionTime: '2026-01-01T00:00:00Z',
    })
    const [other] = conditionsOf({ Ready: isTrue('B', 'b') }, before, 2, later)
    expect(other?.lastTransitionTime).toBe('2026-01-01T01:00:00Z')
  })

  it('leaves out what is not known, and takes away what no longer holds', () => {
    const before = conditionsOf({ Ready: isTrue('A', 'a'), Deletable: isFalse('NotEmpty', '') }, undefined, 1, first)
    const after = conditionsOf({ Ready: isTrue('A', 'a'), Deletable: undefined }, before, 1, later)
    expect(after).toEqual([before[0]])
  })
})

describe('factFor', () => {
  it('is only what was found for the same generation', () => {
    const conditions = conditionsOf({ Configured: isTrue('A', 'a') }, undefined, 3, first)
    expect(factFor(conditions, 'Configured', 3)).toEqual(isTrue('A', 'a'))
    expect(factFor(conditions, 'Configured', 4)).toBeUndefined()
    expect(factFor(conditions, 'Ready', 3)).toBeUndefined()
  })
})
