import { Bitset } from './bitset.ts'

/** Which message: the `number`th, from 0, of producer `producer`, from 0. */
export interface MessageKey {
  readonly producer: number
  readonly number: number
}

/** Which message of a run it is, from 0, where so many producers take turns. */
export const indexOf = ({ producer, number }: MessageKey, producers: number): number => number * producers + producer

/** One delivery, as its acknowledgement subject tells it. */
export interface Delivery extends MessageKey {
  readonly streamSequence: number
  /** Which delivery of the stored message this is, from 1. */
  readonly attempt: number
}

export interface LedgerCounts {
  /** Messages sent at least once. */
  readonly published: number
  /** Messages whose PubAck came. */
  readonly acknowledged: number
  /** Messages delivered at least once. */
  readonly consumed: number
  /** Acknowledged and never delivered, but for those that were replaced. */
  readonly lost: number
  /** Acknowledged and not delivered, since a newer message of the same key took their place: mode Lru. */
  readonly replaced: number
  /** Deliveries of a message that had been delivered before. */
  readonly duplicates: number
  /**
   * Messages whose first delivery (with attempt 1) came after that of a later message of the same producer. A message that had to
   * be published again is left out: where its first copy went is not known, so its place is not either.
   */
  readonly outOfOrder: number
  /** Deliveries with an attempt above 1. */
  readonly redelivered: number
  /** Messages delivered from more than one stream sequence: deduplication let a second copy in. */
  readonly storedTwice: number
  /** Deliveries of a stored message whose double acknowledgement had been answered. */
  readonly deliveredAfterConfirm: number
}

/**
 * What was published, acknowledged and delivered, by number. Pure. Memory is fixed by the number of messages: seven bits, a stream
 * sequence (8 bytes) and nothing a delivery.
 */
export class Ledger {
  readonly #messages: number
  readonly #producers: number
  readonly #published: Bitset
  readonly #retried: Bitset
  readonly #acknowledged: Bitset
  readonly #delivered: Bitset
  readonly #twice: Bitset
  readonly #confirmed: Bitset
  readonly #replaced: Bitset
  readonly #firstSequence: Float64Array
  readonly #highest: Int32Array
  #open = 0
  #gone = 0
  #duplicates = 0
  #outOfOrder = 0
  #redelivered = 0
  #deliveredAfterConfirm = 0

  /** `messages` are dealt to `producers` in turn, so that producer p has those with index p, p + producers, … */
  constructor(messages: number, producers: number) {
    this.#messages = messages
    this.#producers = producers
    this.#published = new Bitset(messages)
    this.#retried = new Bitset(messages)
    this.#acknowledged = new Bitset(messages)
    this.#delivered = new Bitset(messages)
    this.#twice = new Bitset(messages)
    this.#confirmed = new Bitset(messages)
    this.#replaced = new Bitset(messages)
    this.#firstSequence = new Float64Array(messages)
    this.#highest = new Int32Array(producers).fill(-1)
  }

  /** How many messages `producer` has to send. */
  share(producer: number): number {
    return Math.max(0, Math.ceil((this.#messages - producer) / this.#producers))
  }

  /** Whether `key` names a message of this ledger. */
  owns(key: MessageKey): boolean {
    return key.producer < this.#producers && key.number < this.share(key.producer)
  }

  /** It is sent; true when for the first time. */
  published(key: MessageKey): boolean {
    const index = this.#index(key)
    const first = this.#published.add(index)
    if (!first) this.#retried.add(index)
    return first
  }

  acknowledged(key: MessageKey): void {
    const index = this.#index(key)
    if (this.#acknowledged.add(index) && !this.#delivered.has(index)) this.#open++
  }

  /** A newer message took the place of this one, which is acknowledged. It may still be delivered, where it was on its way. */
  replaced(key: MessageKey): void {
    const index = this.#index(key)
    if (!this.#replaced.add(index) || this.#delivered.has(index)) return
    this.#open--
    this.#gone++
  }

  /** Whether it was sent more than once. */
  isRepublished(key: MessageKey): boolean {
    return this.#retried.has(this.#index(key))
  }

  isDelivered(key: MessageKey): boolean {
    return this.#delivered.has(this.#index(key))
  }

  /** Records a delivery; true when it is the first one of its message. */
  delivered(delivery: Delivery): boolean {
    const index = this.#index(delivery)
    if (delivery.attempt > 1) this.#redelivered++
    const first = this.#delivered.add(index)
    if (first) {
      if (this.#replaced.has(index)) this.#gone--
      else if (this.#acknowledged.has(index)) this.#open--
      this.#firstSequence[index] = delivery.streamSequence
      if (delivery.attempt === 1 && !this.#retried.has(index)) this.#place(delivery)
    } else {
      this.#duplicates++
      if (this.#firstSequence[index] !== delivery.streamSequence) this.#twice.add(index)
      else if (this.#confirmed.has(index)) this.#deliveredAfterConfirm++
    }
    return first
  }

  /** The broker answered the acknowledgement of `delivery`. */
  confirmed(delivery: Delivery): void {
    const index = this.#index(delivery)
    if (this.#firstSequence[index] === delivery.streamSequence) this.#confirmed.add(index)
  }

  /** Whether everything acknowledged was delivered. */
  get balanced(): boolean {
    return this.#open === 0
  }

  /** Messages that came to an end: delivered or replaced. */
  get ended(): number {
    return this.#delivered.count + this.#gone
  }

  counts(): LedgerCounts {
    return {
      published: this.#published.count,
      acknowledged: this.#acknowledged.count,
      consumed: this.#delivered.count,
      lost: this.#open,
      replaced: this.#gone,
      duplicates: this.#duplicates,
      outOfOrder: this.#outOfOrder,
      redelivered: this.#redelivered,
      storedTwice: this.#twice.count,
      deliveredAfterConfirm: this.#deliveredAfterConfirm,
    }
  }

  /** The first `limit` lost messages. */
  lost(limit: number): MessageKey[] {
    const keys: MessageKey[] = []
    for (let index = 0; index < this.#messages && keys.length < limit; index++) {
      if (this.#acknowledged.has(index) && !this.#delivered.has(index) && !this.#replaced.has(index)) {
        keys.push({ producer: index % this.#producers, number: Math.floor(index / this.#producers) })
      }
    }
    return keys
  }

  #place({ producer, number }: MessageKey): void {
    const highest = this.#highest[producer] ?? -1
    if (number < highest) this.#outOfOrder++
    else this.#highest[producer] = number
  }

  #index(key: MessageKey): number {
    if (!this.owns(key)) throw new RangeError(`no message ${key.number} of producer ${key.producer} in this run`)
    return indexOf(key, this.#producers)
  }
}
