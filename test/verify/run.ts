import { setTimeout as delay } from 'node:timers/promises'
import type { PubAck } from '@nats-io/jetstream'
import { VerifierError } from './connect.ts'
import { type Delivery, indexOf, Ledger, type MessageKey } from './ledger.ts'
import { messageId, newRunId } from './message.ts'
import { Newest } from './newest.ts'
import type { VerifierOptions } from './options.ts'
import type { Arrival, OrderCheck } from './order/order-check.ts'
import { orderOf } from './order/order-of.ts'
import type { Report } from './report.ts'
import { type Routing, routing } from './routing.ts'

/** What producers and consumers of one run share: its ledger, its order, its pace, its end. */
export class Run {
  readonly id = newRunId()
  readonly options: VerifierOptions
  readonly ledger: Ledger
  readonly order: OrderCheck
  readonly #routing: Routing
  /** Only where a message may take the place of another. */
  readonly #newest: Newest | undefined
  readonly #end = new AbortController()
  readonly #started = performance.now()
  #publishing = true
  #slots = 0
  #lastAcknowledged = performance.now()
  #firstNew: number | undefined
  #lastNew = performance.now()
  #longestPause = 0
  #failure: VerifierError | undefined
  #foreign = 0
  #publishRetries = 0
  #publishDuplicates = 0
  #lastPublishError: string | undefined
  #unconfirmed = 0
  #reconnects = 0
  #consumerRestarts = 0
  #consumers = 0
  #killed = 0

  constructor(options: VerifierOptions) {
    this.options = options
    this.ledger = new Ledger(options.messages, options.producers)
    this.order = orderOf(options)
    this.#routing = routing(options)
    this.#newest = options.mode === 'Lru' ? new Newest() : undefined
  }

  /** Aborted when the run ends, for whatever reason. */
  get ended(): AbortSignal {
    return this.#end.signal
  }
  get consuming(): boolean {
    return !this.ended.aborted
  }
  get publishing(): boolean {
    return this.#publishing && this.consuming
  }
  /** Why the run could not go on. */
  get failure(): VerifierError | undefined {
    return this.#failure
  }

  end(): void {
    this.#end.abort()
  }

  fail(failure: VerifierError): void {
    this.#failure ??= failure
    this.end()
  }

  stopPublishing(): void {
    this.#publishing = false
  }

  /** Waits for the next place in time that `rate` allows; after an outage, places that went by are taken at once. */
  async pace(): Promise<void> {
    const { rate } = this.options
    if (rate === 0) return
    const wait = this.#started + (this.#slots++ * 1000) / rate - performance.now()
    // An aborted wait is a run that ended, which the caller looks at next.
    if (wait > 0) await delay(wait, undefined, { signal: this.ended }).catch(() => undefined)
  }

  /** Where `key` is published to. */
  subject(key: MessageKey): string {
    const suffix = this.#routing.suffix(this.#routing.of(key))
    return suffix === undefined ? this.options.subject : `${this.options.subject}.${suffix}`
  }

  publishSent(key: MessageKey): void {
    if (this.ledger.published(key)) this.order.sent?.(this.#index(key), performance.now())
  }

  publishAcknowledged(key: MessageKey, ack: PubAck): void {
    const now = performance.now()
    this.#lastAcknowledged = now
    this.ledger.acknowledged(key)
    this.order.stored?.(this.#index(key), ack.seq, now)
    const replaced = this.#newest?.stored(this.#routing.of(key), key, ack.seq)
    if (replaced !== undefined) {
      this.ledger.replaced(replaced)
      this.order.replaced?.(this.#index(replaced), now)
    }
    if (ack.duplicate) this.#publishDuplicates++
    if (ack.stream !== this.options.queue) {
      this.fail(
        new VerifierError(
          `a publish to ${this.subject(key)} was stored in stream ${ack.stream}, not in ${this.options.queue}; check --subject`,
        ),
      )
    }
  }

  publishFailed(why: string): void {
    this.#publishRetries++
    this.#lastPublishError = why
  }

  /** No publish was acknowledged for so many milliseconds. */
  get sinceAcknowledged(): number {
    return performance.now() - this.#lastAcknowledged
  }

  /** What the order is checked by; before the ledger is told. */
  arrival(delivery: Delivery): Arrival {
    return {
      ...delivery,
      index: this.#index(delivery),
      route: this.#routing.of(delivery),
      first: !this.ledger.isDelivered(delivery),
      republished: this.ledger.isRepublished(delivery),
    }
  }

  /** A number for a consumer that is new. */
  newConsumer(): number {
    return this.#consumers++
  }

  /** Whether a consumer is to die now: they do so at even distances of the run. */
  claimsConsumer(): boolean {
    const { killConsumers, messages } = this.options
    if (this.#killed >= killConsumers) return false
    if (this.ledger.ended < ((this.#killed + 1) * messages) / (killConsumers + 1)) return false
    this.#killed++
    return true
  }

  deliveredFirst(): void {
    const now = performance.now()
    if (this.#firstNew === undefined) this.#firstNew = now
    else this.#longestPause = Math.max(this.#longestPause, now - this.#lastNew)
    this.#lastNew = now
  }

  /** Nothing new was delivered nor acknowledged for so many milliseconds. */
  get sinceNew(): number {
    return performance.now() - Math.max(this.#lastNew, this.#lastAcknowledged)
  }

  /** A message that is not of this run; true when it is to be acknowledged. */
  foreign(): boolean {
    this.#foreign++
    if (this.options.foreign === 'ack') return true
    const { queue, group } = this.options
    this.fail(
      new VerifierError(
        `group ${group} of Queue ${queue} delivered a message that is not of this run: somebody else publishes to it, and may ` +
          'consume from it too, so nothing could be said about losses; stop that, or give --foreign ack to consume such messages',
      ),
    )
    return false
  }

  confirmFailed(): void {
    this.#unconfirmed++
  }
  reconnected(): void {
    this.#reconnects++
    this.disturbed()
  }
  /** The broker is or was away. */
  disturbed(): void {
    this.order.disturbed?.(performance.now())
  }
  consumerRestarted(): void {
    this.#consumerRestarts++
  }

  report(left: number | null, aborted: boolean): Report {
    const counts = this.ledger.counts()
    const seconds = ((this.#firstNew === undefined ? performance.now() : this.#lastNew) - this.#started) / 1000
    return {
      ...counts,
      ...this.order.counts(),
      mode: this.options.mode,
      run: this.id,
      unacknowledged: counts.published - counts.acknowledged,
      unsent: this.options.messages - counts.published,
      lostIds: this.ledger.lost(10).map((key) => messageId(this.id, key)),
      foreign: this.#foreign,
      publishRetries: this.#publishRetries,
      ...(this.#lastPublishError === undefined ? {} : { lastPublishError: this.#lastPublishError }),
      publishDuplicates: this.#publishDuplicates,
      unconfirmed: this.#unconfirmed,
      reconnects: this.#reconnects,
      consumerRestarts: this.#consumerRestarts,
      consumersKilled: this.#killed,
      longestPauseSeconds: round(this.#longestPause / 1000),
      seconds: round(seconds),
      rate: Math.round(counts.consumed / seconds),
      left,
      aborted,
    }
  }

  #index(key: MessageKey): number {
    return indexOf(key, this.options.producers)
  }
}

const round = (value: number): number => Math.round(value * 1000) / 1000
