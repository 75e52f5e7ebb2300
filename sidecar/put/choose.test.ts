import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { MAX_BATCH } from '../jetstream/atomic-batch.ts'
import { choose } from './choose.ts'

const costs = { singleMs: 0.3, batchMs: 3 }
const load = { waiting: 1, flying: 0, expected: 0, gatheredMs: 0 }

describe('choose', () => {
  it.each([1, 2, 10])('passes on %i, which are stored before a batch would be', (waiting) => {
    expect(choose({ ...load, waiting }, costs)).toBe('pass')
  })
  it.each([11, 100, MAX_BATCH])('makes a batch of %i', (waiting) => {
    expect(choose({ ...load, waiting }, costs)).toBe('batch')
  })
  it('goes by what is measured', () => {
    expect(choose({ ...load, waiting: 11 }, { singleMs: 0.1, batchMs: 3 })).toBe('pass')
    expect(choose({ ...load, waiting: 40 }, { singleMs: 0.1, batchMs: 3 })).toBe('batch')
    expect(choose({ ...load, waiting: 3 }, { singleMs: 5, batchMs: 8 })).toBe('batch')
  })
  it('passes on no more than a batch takes, and waits for those', () => {
    expect(choose({ ...load, waiting: 4, flying: 5 }, costs)).toBe('pass')
    expect(choose({ ...load, waiting: 4, flying: 8 }, costs)).toEqual({ waitMs: Number.POSITIVE_INFINITY })
  })
  it('waits a little for those that were together', () => {
    expect(choose({ ...load, waiting: 2, expected: 100 }, costs)).toEqual({ waitMs: expect.closeTo(1.2) })
    expect(choose({ ...load, waiting: 60, expected: 100, gatheredMs: 1 }, costs)).toEqual({
      waitMs: expect.closeTo(0.2),
    })
    expect(choose({ ...load, waiting: 60, expected: 100, gatheredMs: 1.3 }, costs)).toBe('batch')
    expect(choose({ ...load, waiting: 2, expected: 100, gatheredMs: 1.3 }, costs)).toBe('pass')
    expect(choose({ ...load, waiting: 100, expected: 100 }, costs)).toBe('batch')
  })
  it('does not wait where the messages themselves take long', () => {
    expect(choose({ ...load, waiting: 300, expected: 1000 }, costs)).toBe('batch')
  })

  const any = fc.record({
    waiting: fc.integer({ min: 1, max: MAX_BATCH }),
    flying: fc.nat(2000),
    expected: fc.nat(3000),
    gatheredMs: fc.double({ min: 0, max: 100, noNaN: true }),
  })
  const anyCosts = fc.record({
    singleMs: fc.double({ min: 0.02, max: 100, noNaN: true }),
    batchMs: fc.double({ min: 0.02, max: 100, noNaN: true }),
  })
  test.prop([any, anyCosts])('never waits for what will not come', (given, measured) => {
    const choice = choose(given, measured)
    if (typeof choice === 'string') return
    expect(choice.waitMs).toBeGreaterThan(0)
    // What is waited for without an end is an answer.
    if (!Number.isFinite(choice.waitMs)) expect(given.flying).toBeGreaterThan(0)
    else expect(choice.waitMs).toBeLessThanOrEqual(measured.batchMs)
  })
  test.prop([any, anyCosts])('goes on once it waited for as long as it said', (given, measured) => {
    const choice = choose(given, measured)
    if (typeof choice === 'string' || !Number.isFinite(choice.waitMs)) return
    const later = choose({ ...given, gatheredMs: given.gatheredMs + choice.waitMs + 1e-9 }, measured)
    expect(typeof later === 'string' || later.waitMs === Number.POSITIVE_INFINITY).toBe(true)
  })
})
