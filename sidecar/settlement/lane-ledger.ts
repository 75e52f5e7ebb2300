import type { Ledger } from './ledger.ts'
import { type Range, RangeSet } from './range-set.ts'

/**
 * What is on record of one lane. Sequences are consecutive, so each delivered message is at or below the floor, settled, or
 * unrecorded: still in flight, or a hole (given up by JetStream with nobody's word on it).
 *
 *     1 … floor | floor+1 … (settled and unrecorded ones, mixed) … delivered | not delivered yet …
 *
 * The floor is the end of the run without a gap: everything up to it may leave the stream.
 */
export class LaneLedger implements Ledger {
  readonly #settled = new RangeSet()
  #floor: number
  #delivered = 0

  constructor(floor = 0) {
    this.#floor = floor
  }

  /** Every sequence up to here is on record, or was gone from the stream before it came to an end. */
  get floor(): number {
    return this.#floor
  }

  /** The highest sequence that JetStream is known to have delivered. */
  get delivered(): number {
    return this.#delivered
  }

  isSettled(sequence: number): boolean {
    return sequence <= this.#floor || this.#settled.has(sequence)
  }

  /** Puts sequences on record; returns how many were not there yet. */
  record(ranges: Iterable<Range>): number {
    const before = this.#settled.size
    for (const [from, to] of ranges) this.#settled.addRange(Math.max(from, this.#floor + 1), to)
    const added = this.#settled.size - before
    this.#advance()
    return added
  }

  /** Everything below `first` is no longer in the stream; returns how many of those were not on record. */
  droppedBelow(first: number): number {
    const through = first - 1
    if (through <= this.#floor) return 0
    const unrecorded = through - this.#floor - this.#settled.countThrough(through)
    this.#raise(through)
    return unrecorded
  }

  /** JetStream said how far it has delivered. Answers may come out of order, so an older one takes nothing back. */
  sawDelivered(sequence: number): void {
    if (sequence > this.#delivered) this.#delivered = sequence
  }

  /** What JetStream knows after a start or a reconnect: a crash may have set it back. */
  resetDelivered(sequence: number): void {
    this.#delivered = sequence
  }

  /** Forgets what is above the stream's end: the server lost it (a power cut without sync), and its numbers will be used again. */
  forgetAbove(last: number): void {
    this.#settled.removeAbove(last)
    this.#floor = Math.min(this.#floor, last)
  }

  /** Delivered messages with no end on record. */
  get unrecorded(): number {
    return this.unrecordedThrough(this.#delivered)
  }

  /** Messages at or below `through` with no end on record. */
  unrecordedThrough(through: number): number {
    if (through <= this.#floor) return 0
    return through - this.#floor - this.#settled.countThrough(through)
  }

  /** The oldest messages at or below `through` with no end on record. */
  oldestUnrecorded(through: number, limit: number): number[] {
    return this.#settled.missing(this.#floor, through, limit)
  }

  ranges(): Range[] {
    return [...this.#settled.ranges()]
  }

  #advance(): void {
    const end = this.#settled.runEnd(this.#floor + 1)
    if (end > this.#floor) this.#raise(end)
  }

  #raise(to: number): void {
    this.#floor = to
    this.#settled.removeThrough(to)
    const end = this.#settled.runEnd(to + 1)
    if (end > to) this.#raise(end)
  }
}
