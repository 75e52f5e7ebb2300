import type { Logger } from 'pino'
import type { Gate } from '../dispatch/gate.ts'
import { inboxOf } from './inbox.ts'
import { begin, type Consumer, continues, heard, isOver, isSuspended, looked, moved } from './tenure.ts'
import type { Sighting, Tenure } from './tenure.ts'

/** Of `exclusive.failover`; what is left is for the look that notices, and for the redelivery. */
const PATIENCE_SHARE = 0.8
/** Between two looks at the active consumer, while others wait or it holds messages. Milliseconds. */
const LOOK_MS = 1000
/** The same as a share of `exclusive.failover`, where that is shorter. */
const LOOK_SHARE = 0.1

/** Who listens where a pull is to be answered, with everything that its connection is subscribed to. */
type Listener = Consumer & { readonly inboxes: readonly string[] }

export interface ActiveConsumerOptions {
  readonly failoverMs: () => number
  readonly logger: Logger
  /** Who listens at `reply`; undefined when nobody does. */
  readonly listenerAt: (reply: string) => Promise<Listener | undefined>
  readonly sight: (consumer: Consumer) => Promise<Sighting>
  readonly read: () => Promise<Consumer | undefined>
  readonly write: (consumer: Consumer) => Promise<void>
  /** Messages that were delivered, whose visibility timeout is not over, and that are not answered. */
  readonly inFlight: () => number
  /** Deliveries that nobody answered in time, so far. */
  readonly timeouts: () => number
  /** Where the pulls that wait are to be answered, oldest first. */
  readonly waiting: () => readonly string[]
  /** Ends the pulls that wait there, so that whoever is there asks again. */
  readonly endPulls: (replies: readonly string[]) => void
  /** Has what was delivered and not answered delivered again, before anything else. */
  readonly giveBack: () => Promise<void>
  /** Other pulls than before may be served. */
  readonly changed: () => void
  /** Another consumer took the place of one that was gone. */
  readonly onFailover: () => void
}

/**
 * Lets one consumer of a group be served, the first that asks, and puts another in its place when it is gone. Works from what is
 * stored in the broker, from pulls, and from looks at nats-server's connections.
 */
export class ActiveConsumer implements Gate {
  readonly #o: ActiveConsumerOptions
  /** Pulls of others than the active consumer, until it is known whose they are. */
  readonly #arrived = new Set<string>()
  #tenure: Tenure | undefined
  /** Whether what is stored was read. */
  #loaded = false
  #reviewing = false
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: ActiveConsumerOptions) {
    this.#o = options
    this.#review()
  }

  admits(reply: string): boolean | undefined {
    if (this.#arrived.has(reply)) return undefined
    const tenure = this.#tenure
    if (tenure === undefined || tenure.consumer.inbox !== inboxOf(reply)) return false
    return !isSuspended(tenure, this.#o.timeouts(), this.#patience, performance.now())
  }

  arrived(reply: string): void {
    if (this.#tenure?.consumer.inbox === inboxOf(reply)) return this.heard()
    this.#arrived.add(reply)
    this.#review()
  }

  /** The active consumer pulled, or answered a delivery. */
  heard(): void {
    if (this.#tenure !== undefined) this.#tenure = heard(this.#tenure, this.#o.timeouts(), performance.now())
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  get #patience(): number {
    return PATIENCE_SHARE * this.#o.failoverMs()
  }

  /** One at a time: two of them at once could each find the place free. */
  #review(looks = false): void {
    if (this.#reviewing || this.#stopped) return
    this.#reviewing = true
    clearTimeout(this.#timer)
    this.#reviewNow(looks)
      .catch((error: unknown) => {
        this.#o.logger.warn({ err: error }, 'could not look after the active consumer; trying again')
        // Whose they are is found out by the next look, at all that wait.
        this.#arrived.clear()
      })
      .finally(() => {
        this.#reviewing = false
        if (this.#arrived.size > 0) this.#review()
        else this.#schedule()
        this.#o.changed()
      })
  }

  async #reviewNow(looks: boolean): Promise<void> {
    if (!this.#loaded) {
      const consumer = await this.#o.read()
      if (consumer !== undefined) this.#tenure = begin(consumer, this.#o.timeouts(), performance.now())
      this.#loaded = true
    }
    for (const reply of this.#arrived) {
      await this.#identify(reply)
      this.#arrived.delete(reply)
    }
    if (looks) await this.#look()
  }

  /** Whose pull it is: of nobody any more, of the active consumer going on at another inbox, or of one that may stand by. */
  async #identify(reply: string): Promise<'active' | 'other'> {
    if (this.#tenure?.consumer.inbox === inboxOf(reply)) return 'active'
    const listener = await this.#o.listenerAt(reply)
    if (listener === undefined) this.#o.endPulls([reply])
    else if (this.#tenure === undefined) return this.#appoint(listener)
    else if (continues(this.#tenure, listener)) {
      this.#tenure = moved(this.#tenure, consumerOf(listener), this.#o.timeouts(), performance.now())
      return 'active'
    }
    return 'other'
  }

  /** Looks whether the active consumer is still there. */
  async #look(): Promise<void> {
    const tenure = this.#tenure
    if (tenure === undefined) return
    this.#tenure = looked(tenure, await this.#o.sight(tenure.consumer), performance.now())
    const isItsOwn = (reply: string): boolean => inboxOf(reply) === this.#tenure?.consumer.inbox
    if (this.#tenure.presence !== 'listening') {
      for (const reply of this.#o.waiting()) if (!isItsOwn(reply)) await this.#identify(reply)
    }
    const facts = {
      inFlight: this.#o.inFlight(),
      timeouts: this.#o.timeouts(),
      waits: this.#o.waiting().some(isItsOwn),
    }
    if (isOver(this.#tenure, facts, this.#patience, performance.now())) await this.#end(this.#tenure, facts.inFlight)
  }

  async #end({ consumer, presence }: Tenure, inFlight: number): Promise<void> {
    const { logger, waiting, endPulls, giveBack } = this.#o
    endPulls(waiting().filter((reply) => inboxOf(reply) === consumer.inbox))
    if (inFlight > 0) await giveBack()
    this.#tenure = undefined
    logger.info({ ...consumer, presence, inFlight }, 'the active consumer is gone')
    for (const reply of waiting()) {
      if ((await this.#identify(reply)) === 'active') return this.#o.onFailover()
    }
  }

  async #appoint(listener: Listener): Promise<'active'> {
    const consumer = consumerOf(listener)
    await this.#o.write(consumer)
    this.#tenure = begin(consumer, this.#o.timeouts(), performance.now())
    this.#o.logger.info(consumer, 'a consumer became the active one')
    return 'active'
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    if (this.#stopped) return
    const wait = Math.min(LOOK_MS, LOOK_SHARE * this.#o.failoverMs())
    this.#timer = setTimeout(() => this.#tick(), wait)
  }

  #tick(): void {
    const tenure = this.#tenure
    const others = this.#o.waiting().filter((reply) => inboxOf(reply) !== tenure?.consumer.inbox)
    if (others.length === 0 && (tenure === undefined || this.#o.inFlight() === 0)) return this.#schedule()
    if (tenure === undefined) for (const reply of others) this.#arrived.add(reply)
    this.#review(true)
  }
}

const consumerOf = ({ inbox, connection }: Consumer): Consumer => ({ inbox, connection })
