import type { Judge, OrderCheck, OrderCounts } from './order-check.ts'

/**
 * Fifo: no message is delivered for the first time, at its first attempt, after a later one of the same producer.
 *
 * Where all consumers share a connection, deliveries arrive as they were made, so each can be compared with all before it. Where
 * each has its own, a message is compared with what had arrived when its pull was sent; what was delivered before an outage is
 * forgotten then, since nats-server may have forgotten it too, and count its attempts anew.
 */
export class FifoOrder implements OrderCheck {
  readonly #shared: boolean
  /** The last number that arrived, by producer. */
  readonly #highest: Int32Array
  #outages = 0
  #violations = 0
  #checked = 0

  /** @param shared whether all consumers share a connection */
  constructor(producers: number, shared: boolean) {
    this.#shared = shared
    this.#highest = new Int32Array(producers).fill(-1)
  }

  pulled(): Judge {
    const highest = this.#shared ? this.#highest : this.#highest.slice()
    const outages = this.#outages
    return ({ producer, number, attempt, first, republished }) => {
      const before = highest[producer] ?? -1
      if (first && attempt === 1 && !republished && outages === this.#outages && before >= 0) {
        this.#checked++
        if (number < before) this.#violations++
      }
      this.#highest[producer] = Math.max(this.#highest[producer] ?? -1, number)
    }
  }

  disturbed(): void {
    if (this.#shared) return
    this.#outages++
    this.#highest.fill(-1)
  }

  counts(): OrderCounts {
    return { orderViolations: this.#violations, orderChecked: this.#checked }
  }
}
