import type { Loss } from './account.ts'

/** What is known about messages that are gone with no end on record. */
export interface Circumstances {
  /** Whether a newer message of a key takes the place of the older. */
  readonly replaces: boolean
  /** Whether a full stream drops its oldest messages. */
  readonly evicts: boolean
  /** Whether it is full. */
  readonly full: boolean
  /** Whether the oldest of them may have expired. */
  readonly mayHaveExpired: boolean
}

/** By which policy of the Queue they went; undefined: by none. Pure. */
export function lossBy({ replaces, evicts, full, mayHaveExpired }: Circumstances): Loss | undefined {
  if (replaces) return mayHaveExpired ? 'expired' : 'replaced'
  if (evicts && (full || !mayHaveExpired)) return 'evicted'
  return mayHaveExpired ? 'expired' : undefined
}
