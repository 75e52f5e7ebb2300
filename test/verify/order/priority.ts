import type { Arrival, Judge, OrderCheck, OrderCounts } from './order-check.ts'

/**
 * How far from `maxWait`, as a part of it, a message's age may be taken for over or under it: the sidecar keeps ages in 64 steps
 * (sidecar/dispatch/waiting.ts), and a message was stored at some time between its publish and its PubAck.
 */
const AGE_TOLERANCE = 0.1

export interface PriorityOptions {
  readonly messages: number
  readonly levels: number
  /** From a PubAck until the message is taken to be known to whoever picks. Milliseconds. */
  readonly marginMs: number
  /** The Queue's `maxWait`; infinity where it has none. Milliseconds. */
  readonly maxWaitMs: number
}

/**
 * Priority, policy Strict: nothing is delivered while a more urgent message waits.
 *
 * A message was overtaken if its PubAck had come (and `marginMs` had passed) before a pull was sent that brought a less urgent
 * one, and this had arrived before the pull was sent that brought the message at its first attempt: then it was ready at that
 * pick, and passed over. With `maxWait` a message that may have been overdue overtakes nobody; and one that was overdue for certain
 * must not be overtaken by any that was not.
 */
export class PriorityOrder implements OrderCheck {
  readonly #o: PriorityOptions
  readonly #sentAt: Float64Array
  readonly #storedAt: Float64Array
  /** By level: when the last pull was sent that brought something less urgent; at `levels`, anything. */
  readonly #lower: Float64Array
  /** When the last pull was sent that brought something that was not overdue. */
  #fresh = 0
  #disturbedAt = 0
  #outages = 0
  #violations = 0
  #checked = 0

  constructor(options: PriorityOptions) {
    this.#o = options
    this.#sentAt = new Float64Array(Number.isFinite(options.maxWaitMs) ? options.messages : 0)
    this.#storedAt = new Float64Array(options.messages)
    this.#lower = new Float64Array(options.levels + 1)
  }

  sent(index: number, now: number): void {
    if (index < this.#sentAt.length) this.#sentAt[index] = now
  }

  stored(index: number, _: number, now: number): void {
    this.#storedAt[index] = now
  }

  pulled(_: number, sentAt: number): Judge {
    const lower = this.#lower.slice()
    const fresh = this.#fresh
    const outages = this.#outages
    return (arrival, now) => {
      const { index, first, attempt, route: level } = arrival
      const stored = this.#storedAt[index] ?? 0
      if (first && attempt === 1 && stored > 0 && outages === this.#outages) {
        const known = Math.max(stored, this.#disturbedAt) + this.#o.marginMs
        if ((lower[this.#o.levels] ?? 0) > known) this.#checked++
        const overdueSince = known + this.#o.maxWaitMs * (1 + AGE_TOLERANCE)
        if ((lower[level] ?? 0) > known || fresh > overdueSince) this.#violations++
      }
      this.#note(arrival, sentAt, now)
    }
  }

  disturbed(now: number): void {
    this.#outages++
    this.#disturbedAt = now
    this.#lower.fill(0)
    this.#fresh = 0
  }

  counts(): OrderCounts {
    return { orderViolations: this.#violations, orderChecked: this.#checked }
  }

  #note({ index, route }: Arrival, sentAt: number, now: number): void {
    const mayBeOverdue = now - (this.#sentAt[index] ?? now) >= this.#o.maxWaitMs * (1 - AGE_TOLERANCE)
    if (mayBeOverdue) return
    this.#fresh = Math.max(this.#fresh, sentAt)
    for (let level = route + 1; level <= this.#o.levels; level++) {
      this.#lower[level] = Math.max(this.#lower[level] ?? 0, sentAt)
    }
  }
}
