import { MAX_BATCH } from './atomic-batch.ts'

/** Bytes of a batch whose pieces are larger than that together, at most: they would keep each other waiting. */
const MAX_BYTES = 4 * 1024 * 1024
/** A batch takes as long as some ten publishes (test/bench/REPORT.md), so fewer messages are stored sooner without one. */
const WORTH = 12

interface Sized {
  readonly count: number
  readonly bytes: number
}

/** How many of the pieces that wait are stored next, and whether as one batch or each by itself. Pure. */
export function piecesOfBatch(waiting: readonly Sized[]): { readonly taken: number; readonly together: boolean } {
  let count = 0
  let bytes = 0
  let taken = 0
  for (const piece of waiting) {
    if (taken > 0 && (count + piece.count > MAX_BATCH || bytes + piece.bytes > MAX_BYTES)) break
    count += piece.count
    bytes += piece.bytes
    taken++
  }
  return { taken, together: taken > 1 && count >= WORTH }
}
