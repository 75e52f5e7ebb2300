import type { Range } from './range-set.ts'

/** What is on record of one lane. */
export interface Ledger {
  /** Every message of the lane up to here is on record, or was gone from the stream before it came to an end. */
  readonly floor: number
  /** The highest sequence that JetStream is known to have delivered. */
  readonly delivered: number
  /** Delivered messages that are known to have no end on record. */
  readonly unrecorded: number
  isSettled(sequence: number): boolean
  /** Puts sequences on record; returns how many were not there yet. */
  record(ranges: Iterable<Range>): number
  /** Everything below `first` is no longer in the stream; returns how many of those are known to have had no end. */
  droppedBelow(first: number): number
  /** JetStream said how far it has delivered. Answers may come out of order, so an older one takes nothing back. */
  sawDelivered(sequence: number): void
  /** What JetStream knows after a start or a reconnect: a crash may have set it back. */
  resetDelivered(sequence: number): void
  /** Forgets what is above the stream's end: the server lost it (a power cut without sync), and its numbers will be used again. */
  forgetAbove(last: number): void
  /** Messages at or below `through` that are known to have no end on record. */
  unrecordedThrough(through: number): number
  /** The oldest of those. */
  oldestUnrecorded(through: number, limit: number): number[]
  /** What is on record above the floor. */
  ranges(): Range[]
}
