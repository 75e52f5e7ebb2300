import { Waiting } from './waiting.ts'

/** Beyond the visibility timeout, until JetStream has surely queued the message to deliver it again. Milliseconds. */
const TIMEOUT_MARGIN_MS = 20

/** How long nats-server may take to count as pending what it stored; it does so in the background. Milliseconds. */
export const COUNT_LAG_MS = 250

/** For so long nats-server keeps what a lane is asked for, at most, and some more on a busy machine. Milliseconds. */
const DELIVER_LAG_MS = 600

/** How long JetStream may hold a lane's only place after an answer: it is told once that is on record. Milliseconds. */
const RELEASE_LAG_MS = 1000

/** Deliveries that were granted together, and how many of them are unanswered. */
interface Grant {
  readonly from: number
  readonly to: number
  readonly deadline: number
  /** When they were made; left out: not known, and the deadline is the latest that it may be. */
  readonly at?: number
  open: number
}

/** What JetStream says of a lane. */
export interface LaneFacts {
  readonly pending: number
  readonly ackPending: number
  readonly deliveries: number
}

export interface FlowOptions {
  readonly maxAckPending: number
  readonly visibilityTimeoutMs: number
  /** Infinity where ages do not matter. */
  readonly maxWaitMs: number
}

/**
 * What a lane could deliver now: an estimate, from what was stored, granted to pulls, and answered. Pure but for the calls that
 * tell it; times are monotonic milliseconds. Wrong estimates (a consumer vanished, messages expired) are corrected by `correct`.
 */
export class LaneFlow {
  readonly waiting: Waiting
  readonly #o: FlowOptions
  readonly #grants: Grant[] = []
  /** Deliveries whose consumers asked for more time, with their new deadlines; they are in no grant any more. */
  readonly #extended = new Map<number, number>()
  /** When retries come up again. */
  readonly #later: number[] = []
  /** Given back or timed out, and queued at JetStream to be delivered again. */
  #due = 0
  #deliveries = 0
  /** The last delivery that was granted to be one more of its message. */
  #redelivery = 0
  /** As many deliveries JetStream said to have made. */
  #seen = 0
  #timeouts = 0
  /** Whether JetStream holds the lane's only place in flight. */
  #held = false
  /** When the last message was stored. */
  #storedAt = Number.NEGATIVE_INFINITY
  /** When a delivery was answered last. */
  #answeredAt = Number.NEGATIVE_INFINITY
  /** Counts every event, so that what was read meanwhile is known to be stale. */
  #version = 0

  /** @param oldest since when the oldest message waits, where ages matter */
  constructor(options: FlowOptions, facts: LaneFacts, now: number, oldest = now) {
    this.#o = options
    this.waiting = new Waiting(options.maxWaitMs)
    if (oldest < now) this.waiting.addBetween(facts.pending, oldest, now)
    this.#adopt(facts, now)
  }

  get version(): number {
    return this.#version
  }

  /** Deliveries that were granted so far, from the first. */
  get deliveries(): number {
    return this.#deliveries
  }

  /** Messages queued at JetStream to be delivered again. */
  get due(): number {
    return this.#due
  }

  /** Whether messages may still be queued at JetStream that a pull was granted. */
  get redelivers(): boolean {
    return this.#redelivery > this.#seen
  }

  /** JetStream said that it made so many deliveries. */
  sawDeliveries(count: number): void {
    this.#seen = Math.max(this.#seen, count)
  }

  /** Whether the lane has one place in flight. */
  get single(): boolean {
    return this.#o.maxAckPending === 1
  }

  /** Deliveries that nobody answered in time, so far. */
  get timeouts(): number {
    return this.#timeouts
  }

  /** Deliveries that are not answered, and whose visibility timeout is not over. */
  get inFlight(): number {
    let open = this.#extended.size
    for (const grant of this.#grants) open += grant.open
    return open
  }

  /** Whether something is taken to be on its way, which may turn out to be wrong. */
  get isMoving(): boolean {
    return this.#due > 0 || this.redelivers || Number.isFinite(this.nextAt)
  }

  /** Whether nothing waits and nothing is in flight. */
  get isEmpty(): boolean {
    const { length } = this.#grants
    return length + this.#extended.size + this.#later.length + this.#due + this.waiting.count === 0
  }

  /** Messages that a pull would be given at once. */
  get ready(): number {
    if (!this.single) return this.#due + this.waiting.count
    if (this.#grants.length + this.#extended.size > 0) return 0
    if (this.#due > 0) return 1
    return this.#held ? 0 : Math.min(1, this.waiting.count)
  }

  stored(now: number): void {
    this.#version++
    this.#storedAt = now
    this.waiting.add(1, now)
  }

  /** `count` messages, no more than `ready`, are about to be delivered to a pull. JetStream delivers the due ones first. */
  grant(count: number, now: number): void {
    this.#version++
    const again = Math.min(this.#due, count)
    this.#due -= again
    this.waiting.take(Math.min(this.waiting.count, count - again))
    const from = this.#deliveries + 1
    this.#deliveries += count
    if (again > 0) this.#redelivery = from + again - 1
    this.#held = true
    this.#grants.push({ from, to: this.#deliveries, open: count, at: now, deadline: this.deadline(now) })
  }

  /** Whether the `delivery`th delivery of the lane was granted, and may be unanswered. */
  isOpen(delivery: number): boolean {
    return this.#extended.has(delivery) || this.#grants.some(({ from, to }) => from <= delivery && delivery <= to)
  }

  /** Until the `delivery`th delivery is taken to be unanswered; 0 where it is not known when that was made. Milliseconds. */
  timeLeft(delivery: number, now: number): number {
    const extended = this.#extended.get(delivery)
    const grant = this.#grants.find(({ from, to }) => from <= delivery && delivery <= to)
    const deadline = extended ?? (grant?.at === undefined ? undefined : grant.deadline)
    return deadline === undefined ? 0 : Math.max(0, deadline - now)
  }

  /** The `delivery`th delivery of the lane was answered for good. */
  answered(delivery: number, now: number): void {
    this.#version++
    this.#answeredAt = now
    if (!this.#close(delivery) && delivery > this.#deliveries) this.#cameAfterAll(delivery)
  }

  /** It was taken back, as if it had reached nobody, and was delivered. */
  #cameAfterAll(delivery: number): void {
    this.#deliveries = delivery
    const found = this.#grants.findIndex(({ at }) => at === undefined)
    const grant = this.#grants[found]
    if (grant !== undefined && --grant.open === 0) this.#grants.splice(found, 1)
    else if (grant === undefined && this.#due > 0) this.#due--
  }

  /** It was given back; JetStream delivers it again after `delayMs`. */
  retried(delivery: number, delayMs: number, now: number): void {
    this.answered(delivery, now)
    if (delayMs <= 0) this.#due++
    else this.#later.push(now + delayMs)
  }

  /** Its consumer asked for more time. */
  extended(delivery: number, now: number): void {
    this.#version++
    if (!this.#close(delivery)) return
    this.#extended.set(delivery, this.deadline(now))
  }

  /** Everything in flight was given back, to be delivered again at once. */
  givenBack(): void {
    this.#version++
    this.#due += this.inFlight
    this.#grants.length = 0
    this.#extended.clear()
  }

  /** JetStream was told of an end: the lane's only place in flight is free. */
  released(): void {
    this.#version++
    this.#held = false
  }

  /** A purge begins or has ended: what JetStream said before of what is pending, and what is known here, need not fit together. */
  purges(): void {
    this.#version++
  }

  /** What comes up with time: retries, and deliveries that nobody answered. */
  advance(now: number): void {
    for (let index = 0; index < this.#later.length; ) {
      if ((this.#later[index] ?? 0) > now) index++
      else {
        this.#later.splice(index, 1)
        this.#due++
        this.#version++
      }
    }
    for (const [delivery, deadline] of this.#extended) {
      if (deadline > now) continue
      this.#extended.delete(delivery)
      this.#due++
      this.#timeouts++
      this.#version++
    }
    for (let index = 0; index < this.#grants.length; ) {
      const grant = this.#grants[index]
      if (grant === undefined || grant.deadline > now) index++
      else {
        this.#grants.splice(index, 1)
        this.#due += grant.open
        this.#timeouts += grant.open
        this.#version++
      }
    }
  }

  /** When `advance` has something to do next; infinity: never, as far as is known. */
  get nextAt(): number {
    let next = Number.POSITIVE_INFINITY
    for (const at of this.#later) if (at < next) next = at
    for (const deadline of this.#extended.values()) if (deadline < next) next = deadline
    for (const { deadline } of this.#grants) if (deadline < next) next = deadline
    return next
  }

  /**
   * JetStream's word, read while nothing happened here since `version`; otherwise it says nothing.
   *
   * @param isLost whether what was granted and is not delivered is known to reach nobody; else that is so only after a while
   */
  correct(facts: LaneFacts, version: number, now: number, isLost = false): void {
    if (version !== this.#version) return
    const missing = this.#deliveries - facts.deliveries
    if (missing > 0 && !isLost && missing <= this.#grantedSince(now - DELIVER_LAG_MS)) return
    const isBehind = now - this.#storedAt < COUNT_LAG_MS
    const pending = isBehind ? Math.max(facts.pending, this.waiting.count) : facts.pending
    const undelivered = this.#deliveries - facts.deliveries
    if (undelivered > 0) this.#takeBack(undelivered, pending)
    this.#adopt({ ...facts, pending }, now)
  }

  #grantedSince(time: number): number {
    let count = 0
    for (const { at, from, to } of this.#grants) if (at !== undefined && at > time) count += to - from + 1
    return count
  }

  /** The last `count` grants reached nobody: their consumer was gone. What of them was to be delivered again still is. */
  #takeBack(count: number, pending: number): void {
    this.#due += Math.max(0, count - Math.max(0, pending - this.waiting.count))
    for (let left = count; left > 0; ) {
      const last = this.#grants.at(-1)
      if (last === undefined) return
      const taken = Math.min(left, last.open)
      last.open -= taken
      left -= taken
      if (last.open === 0) this.#grants.pop()
    }
  }

  #adopt({ pending, ackPending, deliveries }: LaneFacts, now: number): void {
    this.waiting.correct(pending, now)
    this.#deliveries = deliveries
    this.#seen = deliveries
    this.#redelivery = Math.min(this.#redelivery, deliveries)
    const known = this.#due + this.#later.length + this.inFlight
    // Answered a moment ago, and not released yet: nobody has the message any more.
    const isLettingGo = this.single && this.#held && known === 0 && now - this.#answeredAt < RELEASE_LAG_MS
    if (isLettingGo && ackPending > 0) return
    // Delivered to somebody who is not known of, or lost from view: where it is open, a timeout brings it back.
    if (ackPending > known) {
      const from = deliveries - (ackPending - known) + 1
      const open = ackPending - known
      this.#grants.push({ from, to: deliveries, open, deadline: this.deadline(now) })
    }
    for (let excess = known - ackPending; excess > 0; excess--) {
      const last = this.#grants.at(-1)
      if (this.#due > 0) this.#due--
      else if (last === undefined) this.#later.pop()
      else if (--last.open === 0) this.#grants.pop()
    }
    this.#held = ackPending > 0
  }

  /** When a delivery that is made now is taken to be unanswered. */
  deadline(now: number): number {
    return now + this.#o.visibilityTimeoutMs + TIMEOUT_MARGIN_MS
  }

  #close(delivery: number): boolean {
    if (this.#extended.delete(delivery)) return true
    for (let index = 0; index < this.#grants.length; index++) {
      const grant = this.#grants[index]
      if (grant === undefined || delivery < grant.from || delivery > grant.to) continue
      if (--grant.open === 0) this.#grants.splice(index, 1)
      return true
    }
    return false
  }
}
