import { Bitset } from '../bitset.ts'
import type { Arrival, Judge, OrderCheck, OrderCounts } from './order-check.ts'

interface Key {
  /** The highest stream sequence that arrived, and when it did. */
  highest: number
  highestAt: number
  /** The last number that arrived of the key's producer, and where it was stored. */
  number: number
  numberAt: number
  /** Sequences that arrived and were never acknowledged. */
  open: number[]
}

/**
 * KeyedFifo: a message of a key is delivered neither while an earlier one of the key is not settled, nor after a later one; also
 * across redeliveries, crashes, and consumers that are gone. What is earlier is said by the stream's sequences, and these by the
 * order in which the key's producer published, but for messages that had to be published again.
 *
 * A message is not settled for certain as long as nobody sent an acknowledgement for it, so consumers have to hold some back for
 * a while. One that is dead-lettered after its last attempt would be taken for one that is not settled: with many faults,
 * `maxAttempts: 0`.
 */
export class KeyedFifoOrder implements OrderCheck {
  readonly #keys: Key[]
  readonly #answered: Bitset
  #violations = 0
  #checked = 0

  constructor(messages: number, keys: number) {
    this.#keys = Array.from({ length: keys }, () => ({ highest: 0, highestAt: 0, number: -1, numberAt: 0, open: [] }))
    this.#answered = new Bitset(messages)
  }

  pulled(_: number, sentAt: number): Judge {
    return (arrival, now) => {
      const key = this.#keys[arrival.route]
      if (key === undefined) return
      if (key.highest > 0) this.#checked++
      if (this.#isLate(key, arrival, sentAt) || isEarly(key, arrival) || isSwapped(key, arrival)) this.#violations++
      this.#note(key, arrival, now)
    }
  }

  answered(_: number, { route, index, streamSequence }: Arrival): void {
    this.#answered.add(index)
    const key = this.#keys[route]
    if (key !== undefined) key.open = key.open.filter((sequence) => sequence !== streamSequence)
  }

  counts(): OrderCounts {
    return { orderViolations: this.#violations, orderChecked: this.#checked }
  }

  /** After a later one. An acknowledged message may be an old delivery that comes late, unless it was asked for afterwards. */
  #isLate({ highest, highestAt }: Key, { streamSequence, index }: Arrival, sentAt: number): boolean {
    return streamSequence < highest && (!this.#answered.has(index) || highestAt < sentAt)
  }

  #note(key: Key, { streamSequence, number, first, index }: Arrival, now: number): void {
    if (streamSequence > key.highest) {
      key.highest = streamSequence
      key.highestAt = now
    }
    if (first && number > key.number) {
      key.number = number
      key.numberAt = streamSequence
    }
    if (!this.#answered.has(index) && !key.open.includes(streamSequence)) key.open.push(streamSequence)
  }
}

/** While an earlier one is not settled. */
const isEarly = ({ open }: Key, { streamSequence }: Arrival): boolean => open.some((other) => other < streamSequence)

/** Stored after a message that was published later. */
const isSwapped = (key: Key, { first, republished, number, streamSequence }: Arrival): boolean =>
  first && !republished && number < key.number && streamSequence > key.numberAt
