import type { Judge, OrderCheck, OrderCounts } from './order-check.ts'

/**
 * Lru: the message first that was touched longest ago, which is the one with the lowest stream sequence, since what is touched is
 * stored anew; and of each key only the newest. A message that a newer one of its key replaced is not delivered by a pull that is sent
 * after that one's PubAck.
 */
export class LruOrder implements OrderCheck {
  readonly #sequences: Float64Array
  readonly #replacedAt: Float64Array
  #highest = 0
  #outages = 0
  #violations = 0
  #checked = 0

  constructor(messages: number) {
    this.#sequences = new Float64Array(messages)
    this.#replacedAt = new Float64Array(messages)
  }

  stored(index: number, sequence: number): void {
    this.#sequences[index] = sequence
  }

  replaced(index: number, now: number): void {
    this.#replacedAt[index] = now
  }

  pulled(_: number, sentAt: number): Judge {
    const highest = this.#highest
    const outages = this.#outages
    return ({ index, streamSequence }) => {
      if (outages === this.#outages) {
        const replacedAt = this.#replacedAt[index] ?? 0
        const isStale = replacedAt > 0 && replacedAt < sentAt && streamSequence === this.#sequences[index]
        if (highest > 0) this.#checked++
        if (streamSequence < highest || isStale) this.#violations++
      }
      this.#highest = Math.max(this.#highest, streamSequence)
    }
  }

  /** nats-server may have forgotten what it delivered last. */
  disturbed(): void {
    this.#outages++
    this.#highest = 0
  }

  counts(): OrderCounts {
    return { orderViolations: this.#violations, orderChecked: this.#checked }
  }
}
