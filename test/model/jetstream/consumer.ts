import type { WantedConsumer } from '../../../sidecar/jetstream/desired.ts'
import type { ModelStream, Stored } from './stream.ts'

/** The server writes down how far a consumer is this often; what a crash takes back. Milliseconds (facts of nats-server 2.15). */
const FLUSH_MS = 100
/** How late a delayed NAK comes up: the server looks at its timers again after so long. Milliseconds. */
const NAK_LOOK_MS = 10
/** How late what was stored is counted as pending: the server does so in the background. Milliseconds. */
const LAG_MS = 5

/** A client's pull, as long as it listens for what it brings. */
export interface Pull {
  readonly batch: number
  readonly noWait: boolean
  /** Model milliseconds. */
  readonly expiresAt: number
  got: number
  open: boolean
}

/** A message on its way to a client. */
export interface Delivery {
  readonly consumer: string
  readonly message: Stored
  /** Which delivery of the message this is, from 1. */
  readonly attempt: number
  /** Which delivery of the consumer this is, from 1. */
  readonly number: number
}

interface Request {
  readonly pull: Pull
  readonly noWait: boolean
  readonly expiresAt: number
  left: number
}

/** What the server writes down of a consumer. */
interface State {
  next: number
  number: number
  pending: Map<number, { readonly number: number; expires: number }>
  redelivered: Map<number, number>
}

const copy = ({ next, number, pending, redelivered }: State): State => ({
  next,
  number,
  pending: new Map(Array.from(pending, ([sequence, entry]) => [sequence, { ...entry }])),
  redelivered: new Map(redelivered),
})

/** A pull consumer with explicit acknowledgement, as nats-server 2.15 has it on one replica; times are model milliseconds. */
export class ModelConsumer {
  readonly name: string
  readonly filter: string
  readonly #stream: ModelStream
  readonly #ackWait: number
  readonly #maxDeliver: number
  readonly #maxAckPending: number
  #state: State
  #flushed: State
  /** Counted at a start, which is not late. */
  #counted: number
  #flushedAt = Number.NEGATIVE_INFINITY
  #changedAt = Number.NEGATIVE_INFINITY
  /** To be delivered again, in memory only. */
  #again: number[] = []
  #requests: Request[] = []

  constructor(stream: ModelStream, config: WantedConsumer, start: number) {
    this.#stream = stream
    this.name = config.durable_name
    this.filter = config.filter_subject ?? '>'
    this.#ackWait = (config.ack_wait ?? 0) / 1e6
    this.#maxDeliver = config.max_deliver ?? -1
    this.#maxAckPending = config.max_ack_pending ?? 0
    this.#state = { next: start, number: 1, pending: new Map(), redelivered: new Map() }
    this.#flushed = copy(this.#state)
    this.#counted = stream.last
  }

  get info(): Info {
    const { next, number, pending } = this.#state
    return {
      delivered: { consumer_seq: number - 1, stream_seq: next - 1 },
      ack_floor: { stream_seq: Math.min(next, ...pending.keys()) - 1 },
      num_pending: this.#stream.count(this.filter, next, { through: this.#counted, age: LAG_MS }),
      num_ack_pending: pending.size,
      num_waiting: this.#requests.length,
    }
  }

  /** Whether a pull would be given something now. */
  get isReady(): boolean {
    const { pending, next } = this.#state
    if (this.#again.some((sequence) => this.#stream.messages.has(sequence))) return true
    return pending.size < this.#maxAckPending && this.#stream.nextOf(this.filter, next) !== undefined
  }

  /** How many messages a pull would be given now. */
  get available(): number {
    const { pending, next } = this.#state
    const places = Math.max(0, this.#maxAckPending - pending.size)
    return this.#again.length + Math.min(places, this.#stream.count(this.filter, next))
  }

  request(pull: Pull, batch: number, expiresAt: number, noWait = false): void {
    this.#requests.push({ pull, left: batch, expiresAt, noWait })
    this.deliver()
    this.#requests = this.#requests.filter((request) => {
      if (request.noWait) request.pull.open = false
      return !request.noWait
    })
  }

  /** Gives what is ready to the pulls that wait, in turn. */
  deliver(): void {
    for (;;) {
      // The server drops a request whose client no longer listens.
      this.#requests = this.#requests.filter(({ pull }) => pull.open)
      if (this.#requests.length === 0) return
      const next = this.#take()
      if (next === undefined) return
      const request = this.#requests.shift()
      if (request === undefined) return
      if (--request.left > 0) this.#requests.push(request)
      const { pending, number } = this.#state
      this.#state.number++
      const { seq } = next.message
      const before = pending.get(seq)
      const expires = this.#stream.now + this.#ackWait
      pending.set(seq, { number: before?.number ?? number, expires })
      this.#stream.onDelivery(request.pull, { ...next, consumer: this.name, number })
    }
  }

  acknowledge(sequence: number): void {
    this.#change()
    if (sequence >= this.#state.next) return
    this.#forget(sequence)
    this.deliver()
  }

  giveBack(sequence: number, number: number, delayMs: number): void {
    this.#change()
    const { pending, number: next } = this.#state
    const entry = pending.get(sequence)
    if (number > next || entry === undefined) return
    if (delayMs > 0) {
      this.#again = this.#again.filter((other) => other !== sequence)
      entry.expires = this.#stream.now + Math.max(NAK_LOOK_MS, delayMs)
    } else if (!this.#again.includes(sequence)) this.#again.push(sequence)
    this.deliver()
  }

  extend(sequence: number): void {
    this.#change()
    const entry = this.#state.pending.get(sequence)
    if (entry !== undefined) entry.expires = this.#stream.now + this.#ackWait
  }

  /** Messages left the stream by a purge, which concerns this consumer. */
  purged(first: number): void {
    this.#change()
    this.#state.next = Math.max(this.#state.next, first)
    for (const sequence of this.#state.pending.keys()) if (sequence < first) this.#drop(sequence)
    // What is queued to be delivered again is forgotten by any purge: it waits for one more timeout.
    this.#again = this.#again.filter((sequence) => sequence >= this.#state.next)
    this.#flush()
  }

  /** One message left the stream by itself. */
  removed(sequence: number): void {
    this.#change()
    if (this.#state.pending.has(sequence)) this.#forget(sequence)
    else this.#state.redelivered.delete(sequence)
  }

  /** When `advance` has something to do; infinity: never. */
  get nextAt(): number {
    let next = Number.POSITIVE_INFINITY
    for (const [sequence, { expires }] of this.#state.pending)
      if (expires < next && !this.#again.includes(sequence)) next = expires
    for (const { expiresAt } of this.#requests) if (expiresAt < next) next = expiresAt
    return next
  }

  advance(): void {
    const { now } = this.#stream
    this.#requests = this.#requests.filter((request) => {
      if (request.expiresAt > now) return true
      // Its client takes the status 408 for the end of the pull.
      request.pull.open = false
      return false
    })
    const { pending } = this.#state
    const expired: number[] = []
    for (const [sequence, { expires }] of pending)
      if (expires <= now && !this.#again.includes(sequence)) expired.push(sequence)
    if (expired.length === 0) return
    this.#change()
    for (const sequence of expired.toSorted((a, b) => a - b)) {
      const deliveries = (this.#state.redelivered.get(sequence) ?? 0) + 1
      if (this.#maxDeliver > 0 && deliveries >= this.#maxDeliver) {
        pending.delete(sequence)
        this.#state.redelivered.set(sequence, deliveries)
        this.#stream.givenUp.push({ consumer: this.name, sequence, attempts: deliveries })
      } else {
        this.#again.push(sequence)
        pending.set(sequence, { number: pending.get(sequence)?.number ?? 0, expires: now + this.#ackWait })
      }
    }
    this.deliver()
  }

  /** kill -9 of the server: what it did not write down yet did not happen. */
  crash(lucky: boolean): void {
    this.#counted = this.#stream.last
    const { now, messages } = this.#stream
    if (!lucky && now - this.#changedAt < FLUSH_MS) this.#state = this.#flushed
    this.#flush()
    this.#again = []
    for (const { pull } of this.#requests) pull.open = false
    this.#requests = []
    for (const sequence of this.#state.pending.keys()) if (!messages.has(sequence)) this.#drop(sequence)
  }

  #take(): { readonly message: Stored; readonly attempt: number } | undefined {
    this.#change()
    for (let sequence = this.#again.shift(); sequence !== undefined; sequence = this.#again.shift()) {
      const message = this.#stream.messages.get(sequence)
      if (message === undefined) {
        this.#drop(sequence)
        continue
      }
      const times = (this.#state.redelivered.get(sequence) ?? 0) + 1
      this.#state.redelivered.set(sequence, times)
      if (this.#maxDeliver > 0 && times + 1 > this.#maxDeliver) {
        this.#state.pending.delete(sequence)
        this.#stream.givenUp.push({ consumer: this.name, sequence, attempts: times })
        continue
      }
      return { message, attempt: times + 1 }
    }
    if (this.#state.pending.size >= this.#maxAckPending) return undefined
    const message = this.#stream.nextOf(this.filter, this.#state.next)
    if (message === undefined) return undefined
    this.#state.next = message.seq + 1
    return { message, attempt: 1 }
  }

  #forget(sequence: number): void {
    this.#drop(sequence)
    this.#again = this.#again.filter((other) => other !== sequence)
  }

  #drop(sequence: number): void {
    this.#state.pending.delete(sequence)
    this.#state.redelivered.delete(sequence)
  }

  #change(): void {
    if (this.#stream.now - this.#flushedAt >= FLUSH_MS) this.#flush()
    this.#changedAt = this.#stream.now
  }

  #flush(): void {
    this.#flushed = copy(this.#state)
    this.#flushedAt = this.#stream.now
  }
}

/** Of the server's consumer info, what the sidecar reads. */
export interface Info {
  readonly delivered: { readonly consumer_seq: number; readonly stream_seq: number }
  readonly ack_floor: { readonly stream_seq: number }
  readonly num_pending: number
  readonly num_ack_pending: number
  readonly num_waiting: number
}
