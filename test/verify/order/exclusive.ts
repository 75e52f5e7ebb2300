import { FifoOrder } from './fifo.ts'
import type { Arrival, Judge, OrderCheck, OrderCounts } from './order-check.ts'

interface Consumer {
  /** When it last pulled or acknowledged; since the last outage. */
  heardAt: number
  /** What it holds unanswered, by sequence: when that was asked for, and when it arrived. */
  readonly held: Map<number, { readonly askedAt: number; readonly arrivedAt: number }>
}

export interface ExclusiveOptions {
  readonly producers: number
  readonly visibilityTimeoutMs: number
  /** A consumer that was heard of more recently cannot have been taken for failed. Milliseconds. */
  readonly failoverMs: number
}

/**
 * Exclusive: one consumer at a time is delivered to, and Fifo.
 *
 * A delivery overlaps where another consumer, which is not gone,
 * - holds the same message unanswered, within the visibility timeout of that delivery; or
 * - was heard of within the failover time, and holds any message so; or
 * - was heard of within it and was the last to be delivered to when this one's pull was sent: it was active still.
 * Each consumer has a connection of its own; what it held counts where it had arrived before the pull was sent.
 */
export class ExclusiveOrder implements OrderCheck {
  readonly #o: ExclusiveOptions
  readonly #fifo: FifoOrder
  readonly #consumers = new Map<number, Consumer>()
  #active: number | undefined
  #outages = 0
  #overlaps = 0

  constructor(options: ExclusiveOptions) {
    this.#o = options
    this.#fifo = new FifoOrder(options.producers, false)
  }

  pulled(consumer: number, sentAt: number): Judge {
    const own = this.#consumers.get(consumer) ?? { heardAt: 0, held: new Map() }
    this.#consumers.set(consumer, own)
    own.heardAt = sentAt
    const active = this.#active
    const outages = this.#outages
    const inOrder = this.#fifo.pulled()
    return (arrival, now) => {
      inOrder(arrival, now)
      const wasActive = outages === this.#outages ? active : undefined
      const others = [...this.#consumers].filter(([other]) => other !== consumer)
      const { streamSequence } = arrival
      if (others.some(([id, other]) => this.#overlap(other, streamSequence, id === wasActive, sentAt, now)))
        this.#overlaps++
      own.held.set(streamSequence, { askedAt: sentAt, arrivedAt: now })
      this.#active = consumer
    }
  }

  answered(consumer: number, { streamSequence }: Arrival, now: number): void {
    const own = this.#consumers.get(consumer)
    if (own === undefined) return
    own.heardAt = now
    own.held.delete(streamSequence)
  }

  vanished(consumer: number): void {
    this.#consumers.delete(consumer)
    if (this.#active === consumer) this.#active = undefined
  }

  /** Whom the broker knew of it may have forgotten, and who is active; not what is in flight. */
  disturbed(): void {
    this.#outages++
    this.#active = undefined
    for (const consumer of this.#consumers.values()) consumer.heardAt = Number.NEGATIVE_INFINITY
    this.#fifo.disturbed()
  }

  counts(): OrderCounts {
    return { ...this.#fifo.counts(), overlaps: this.#overlaps }
  }

  #overlap({ heardAt, held }: Consumer, sequence: number, wasActive: boolean, sentAt: number, now: number): boolean {
    const isHeld = ({ askedAt, arrivedAt }: { askedAt: number; arrivedAt: number }): boolean =>
      arrivedAt < sentAt && now < askedAt + this.#o.visibilityTimeoutMs
    const same = held.get(sequence)
    if (same !== undefined && isHeld(same)) return true
    if (now - heardAt >= this.#o.failoverMs) return false
    return wasActive || [...held.values()].some(isHeld)
  }
}
