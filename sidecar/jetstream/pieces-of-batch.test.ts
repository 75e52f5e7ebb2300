import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { MAX_BATCH } from './atomic-batch.ts'
import { piecesOfBatch } from './pieces-of-batch.ts'

const piece = (count: number, bytes = 100): { count: number; bytes: number } => ({ count, bytes })

it('stores a few messages each by themselves, and many together', () => {
  expect(piecesOfBatch([piece(2), piece(2)])).toEqual({ taken: 2, together: false })
  expect(piecesOfBatch(Array.from({ length: 8 }, () => piece(2)))).toEqual({ taken: 8, together: true })
})

it('stores one that is large by itself', () => {
  expect(piecesOfBatch([piece(MAX_BATCH), piece(1)])).toEqual({ taken: 1, together: false })
  expect(piecesOfBatch([piece(20, 5 << 20), piece(20)])).toEqual({ taken: 1, together: false })
})

it('takes some of what waits, from the front, and never more than a batch holds', () => {
  const pieces = fc.array(
    fc.record({ count: fc.integer({ min: 1, max: MAX_BATCH }), bytes: fc.integer({ min: 0, max: 8 << 20 }) }),
    { minLength: 1 },
  )
  fc.assert(
    fc.property(pieces, (waiting) => {
      const { taken, together } = piecesOfBatch(waiting)
      expect(taken).toBeGreaterThan(0)
      const count = waiting.slice(0, taken).reduce((sum, { count }) => sum + count, 0)
      expect(count).toBeLessThanOrEqual(MAX_BATCH)
      if (together) expect(taken).toBeGreaterThan(1)
    }),
  )
})
