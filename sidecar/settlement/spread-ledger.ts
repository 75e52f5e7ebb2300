import type { Ledger } from './ledger.ts'
import { type Range, RangeSet } from './range-set.ts'

/**
 * The ledger of a lane that shares its stream with others, so that its sequences have gaps that say nothing. What closes them is
 * the lane's own count of deliveries, which each acknowledgement's subject names: first deliveries go out in order of the stream,
 * so where deliveries 1 … n were all answered, every message of the lane up to the highest sequence among them is settled, or one
 * of those that were given back (`open`).
 *
 * A delivery that is never answered (a timeout) stops the count. Then, and after a restart, the lane's messages in the stream are
 * listed (`adopt`), and the count goes on behind them.
 */
export class SpreadLedger implements Ledger {
  readonly #settled = new RangeSet()
  /** Answered or found by listing, and not settled. */
  readonly #open = new Set<number>()
  /** Deliveries answered above `#base`, with their sequences. */
  readonly #answered = new Map<number, number>()
  /** Deliveries up to here are accounted for. */
  #base = 0
  /** The highest sequence among them. */
  #reached = 0
  /** Delivery counts up to here may have been given twice, before and after a crash of nats-server. */
  #ambiguous = 0
  #floor = 0
  #born = 0
  #delivered = 0

  get floor(): number {
    return this.#floor
  }

  get delivered(): number {
    return this.#delivered
  }

  get unrecorded(): number {
    return this.#open.size
  }

  /** Messages on record above the floor. */
  get settledAbove(): number {
    return this.#settled.size
  }

  /** Deliveries that were answered while an earlier one was not. */
  get ahead(): number {
    return this.#answered.size
  }

  /** Deliveries up to here are accounted for. */
  get accounted(): number {
    return this.#base
  }

  /** Whether deliveries cannot be told apart yet, so that only listing raises the floor. */
  get isBlind(): boolean {
    return this.#base < this.#ambiguous
  }

  isSettled(sequence: number): boolean {
    return sequence <= this.#floor || this.#settled.has(sequence)
  }

  /** The `delivery`th delivery of the lane, of the message `sequence`, was answered, whatever the answer. */
  answer(delivery: number, sequence: number): void {
    if (sequence > this.#floor && !this.#settled.has(sequence)) this.#open.add(sequence)
    if (sequence <= this.#born || delivery <= this.#base || delivery <= this.#ambiguous) return
    if (delivery !== this.#base + 1) {
      this.#answered.set(delivery, sequence)
      return
    }
    let next: number | undefined = sequence
    while (next !== undefined) {
      this.#base++
      this.#answered.delete(this.#base)
      if (next > this.#reached) this.#reached = next
      next = this.#answered.get(this.#base + 1)
    }
  }

  /**
   * Every message of the lane that was in the stream at or below `reached`, when JetStream had made `deliveries` of them: those
   * that are not on record are open. With `ambiguous`, counts of deliveries up to it are not believed.
   */
  adopt(deliveries: number, reached: number, present: Iterable<number>, ambiguous = 0): void {
    this.#base = Math.max(deliveries, this.#base)
    this.#reached = Math.max(reached, this.#reached)
    this.#ambiguous = Math.max(ambiguous, this.#ambiguous)
    for (const delivery of this.#answered.keys()) if (delivery <= this.#base) this.#answered.delete(delivery)
    for (const sequence of this.#open) if (sequence <= reached) this.#open.delete(sequence)
    for (const sequence of present) if (!this.isSettled(sequence)) this.#open.add(sequence)
    this.#advance()
  }

  /** Counts of deliveries begin again, at what JetStream knows after a start or a reconnect; an `adopt` follows. */
  restart(deliveries: number): void {
    this.#base = deliveries
    this.#answered.clear()
  }

  /** A lane that is made where another of its name was before: that one's messages, up to `sequence`, are not counted. */
  begin(sequence: number): void {
    this.#born = sequence
    this.nothingThrough(sequence)
  }

  /** The lane has no message between its floor and `sequence`. */
  nothingThrough(sequence: number): void {
    if (sequence > this.#floor) this.#raise(sequence)
  }

  record(ranges: Iterable<Range>): number {
    let added = 0
    for (const [from, to] of ranges) {
      for (let sequence = Math.max(from, this.#floor + 1); sequence <= to; sequence++) {
        if (this.#settled.add(sequence)) added++
        this.#open.delete(sequence)
      }
    }
    this.#advance()
    return added
  }

  droppedBelow(first: number): number {
    const before = this.#open.size
    if (first - 1 > this.#floor) this.#raise(first - 1)
    return before - this.#open.size
  }

  sawDelivered(sequence: number): void {
    if (sequence > this.#delivered) this.#delivered = sequence
  }

  resetDelivered(sequence: number): void {
    this.#delivered = sequence
  }

  forgetAbove(last: number): void {
    this.#settled.removeAbove(last)
    for (const sequence of this.#open) if (sequence > last) this.#open.delete(sequence)
    this.#floor = Math.min(this.#floor, last)
    this.#reached = Math.min(this.#reached, last)
  }

  unrecordedThrough(through: number): number {
    let count = 0
    for (const sequence of this.#open) if (sequence <= through) count++
    return count
  }

  oldestUnrecorded(through: number, limit: number): number[] {
    return [...this.#open]
      .filter((sequence) => sequence <= through)
      .toSorted((a, b) => a - b)
      .slice(0, limit)
  }

  ranges(): Range[] {
    return [...this.#settled.ranges()]
  }

  #advance(): void {
    let through = this.#reached
    for (const sequence of this.#open) if (sequence <= through) through = sequence - 1
    if (through > this.#floor) this.#raise(through)
  }

  #raise(to: number): void {
    this.#floor = to
    this.#settled.removeThrough(to)
    for (const sequence of this.#open) if (sequence <= to) this.#open.delete(sequence)
  }
}
