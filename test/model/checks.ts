import { parseDuration } from '../../crds/index.ts'
import type { Outcome } from '../../sidecar/queue/lane-state.ts'
import { isTree } from '../../sidecar/lanes/lanes.ts'
import type { DeadLetterReason } from '../../sidecar/settle/settle.ts'
import type { Delivery } from './jetstream/consumer.ts'
import { matches, type Stored } from './jetstream/stream.ts'
import type { Mode } from './modes.ts'
import type { World } from './world.ts'

/** From a record to the purge, or the acknowledgement, that keeps the message from being delivered again. Milliseconds. */
const LETTING_GO_MS = 60
/** The same where it is not known how long ago a message was delivered: the sidecar's HOLD_UNKNOWN_MS, as the model has it. */
const HELD_UNKNOWN_MS = 250
/** A wrong estimate is put right by a look at the lanes, every second; then pulls that it spoiled have to be asked again. Milliseconds. */
const STARVED_MS = 3000
/** The same as long as nobody vanished or crashed: a lane that was asked though it had nothing yet keeps the pull for half a second. */
const CALM_MS = 600
/** From an answer until JetStream is told of it, dead letters and records in between. Milliseconds. */
const SETTLED_WITHIN_MS = 50

/** What is known of a message, of all its copies together. */
interface Known {
  readonly key: string
  acknowledged: boolean
  rejected: boolean
  deliveries: number
  deadLetters: number
  /** The sequence of the copy that is on record as acknowledged. */
  acknowledgedAs?: number
  /** Somebody who was given it too gave it back after it was acknowledged. */
  isTakenBack?: boolean
  /** What clients said that ends it or may end it: two of them that were given it may say different things. */
  readonly answers: Set<string>
}

/** What must hold of a queue in any schedule. */
export class Checks {
  readonly #world: World
  readonly #mode: Mode
  readonly #known = new Map<number, Known>()
  /** By key, the newest. */
  readonly #newest = new Map<string, number>()
  readonly #recorded = new Map<number, { readonly outcome: Outcome; readonly at: number }>()
  readonly #told = new Set<number>()
  readonly #stored = new Map<number, Stored>()
  readonly #latest = new Map<number, { readonly number: number; at: number }>()
  /** By lane, the highest sequence that was delivered. */
  readonly #highest = new Map<string, number>()
  /** By lane, the floor that was looked at last. */
  readonly #floors = new WeakMap<object, number>()
  #starvedSince: number | undefined
  #isCalm = true
  #isPlain = true

  constructor(world: World, mode: Mode) {
    this.#world = world
    this.#mode = mode
  }

  published(id: number, key: string): void {
    this.#known.set(id, {
      key,
      acknowledged: false,
      rejected: false,
      deliveries: 0,
      deadLetters: 0,
      answers: new Set(),
    })
    this.#newest.set(key, id)
  }

  stored(message: Stored): void {
    this.#stored.set(message.seq, message)
  }

  recorded(sequence: number, outcome: Outcome): void {
    const before = this.#recorded.get(sequence)
    const id = this.#stored.get(sequence)?.id
    const isContradicted = id !== undefined && this.#of(id).answers.size > 1
    if (before !== undefined && before.outcome !== outcome && !isContradicted)
      throw new Error(`${sequence} is on record as ${before.outcome}, and now as ${outcome}`)
    if (outcome === 'acknowledged' && id !== undefined) this.#of(id).acknowledgedAs = sequence
    if (before === undefined) this.#recorded.set(sequence, { outcome, at: this.#world.now })
    const message = this.#stored.get(sequence)
    if (outcome === 'dropped' && this.#world.stream.messages.has(sequence))
      throw new Error(`${sequence} is on record as dropped and still there`)
    if (outcome === 'acknowledged' && message !== undefined && !this.#of(message.id).acknowledged)
      throw new Error(`${sequence} is on record as acknowledged, which nobody did`)
    if (outcome === 'deadLettered' && message !== undefined && this.#of(message.id).deadLetters !== 1)
      throw new Error(`${sequence} is on record as dead-lettered, and is no dead letter`)
  }

  told(sequence: number): void {
    if (!this.#recorded.has(sequence)) throw new Error(`a client was told that ${sequence} is on record`)
    this.#told.add(sequence)
  }

  deadLettered({ seq, id }: Stored, reason: DeadLetterReason, attempts: number): void {
    const known = this.#of(id)
    known.deadLetters++
    if (known.deadLetters > 1) throw new Error(`message ${id} is a dead letter twice`)
    if (this.#recorded.has(seq) && known.answers.size < 2)
      throw new Error(`${seq} is a dead letter and was on record before`)
    const { maxAttempts } = this.#mode.spec.retry
    if (reason === 'rejected' ? !known.rejected : attempts < maxAttempts || known.deliveries < maxAttempts)
      throw new Error(`message ${id} is a dead letter, ${reason}, after ${known.deliveries} deliveries`)
  }

  answered({ message, number }: Delivery, text: string): void {
    const known = this.#of(message.id)
    // Delivered again, or about to be, for what is known: the answer makes the estimate of what is ready wrong.
    const timeout = parseDuration(this.#mode.spec.retry.visibilityTimeout)
    const latest = this.#latest.get(message.seq)
    if (number !== latest?.number || this.#world.now - latest.at >= timeout) this.#isCalm = false
    if (text !== '+WPI') known.answers.add(text)
    if (latest !== undefined) latest.at = text === '+WPI' ? this.#world.now : Number.POSITIVE_INFINITY
    if (text !== '+ACK') this.#isPlain = false
    if (text.startsWith('-NAK') && known.acknowledged) known.isTakenBack = true
    if (text === '+ACK') known.acknowledged = true
    if (text === '+TERM') known.rejected = true
  }

  delivered({ message, attempt, consumer, number }: Delivery): void {
    const { now } = this.#world
    this.#starvedSince = undefined
    this.#stored.set(message.seq, message)
    this.#latest.set(message.seq, { number, at: now })
    const known = this.#of(message.id)
    known.deliveries++
    const { acknowledgedAs } = known
    if (acknowledgedAs !== undefined && acknowledgedAs !== message.seq && !known.isTakenBack)
      throw new Error(`${acknowledgedAs} is on record as acknowledged, and its copy ${message.seq} was delivered`)
    const record = this.#recorded.get(message.seq)
    const { inOneLane, exact } = this.#mode
    const bound = inOneLane && !exact ? LETTING_GO_MS + HELD_UNKNOWN_MS : LETTING_GO_MS
    if (record !== undefined && (this.#told.has(message.seq) || now - record.at > bound))
      throw new Error(`${message.seq} was delivered ${now - record.at} ms after it was on record, attempt ${attempt}`)
    const highest = this.#highest.get(consumer) ?? 0
    if (message.seq < highest && (this.#mode.exact || attempt === 1))
      throw new Error(`${message.seq} was delivered after ${highest} of its lane, attempt ${attempt}`)
    this.#highest.set(consumer, Math.max(highest, message.seq))
    if (attempt > this.#mode.spec.retry.maxAttempts) throw new Error(`${message.seq} was delivered ${attempt} times`)
  }

  /** As long as all is acknowledged in time, what is known of the lanes is what there is. */
  granted(lane: string, count: number, available: number): void {
    const { now, spec } = this.#world
    // A lane that is being made may count a message twice, and is counted anew then.
    const isExact = !isTree(spec) && this.#isCalm && this.#isPlain && now < parseDuration(spec.retry.visibilityTimeout)
    if (isExact && count > available) throw new Error(`${lane} was asked for ${count} and has ${available}`)
  }

  /** A client vanished, or something crashed. */
  disturbed(): void {
    this.#isCalm = false
  }

  /** It may deliver for the first time once more. */
  serverCrashed(): void {
    if (!this.#mode.exact) this.#highest.clear()
  }

  always(hasPull: boolean): void {
    const { stream, now, lanes } = this.#world
    for (const lane of lanes) {
      const before = this.#floors.get(lane) ?? 0
      const { floor } = lane.ledger
      for (let sequence = before + 1; sequence <= Math.min(floor, stream.last); sequence++) {
        const message = stream.messages.get(sequence)
        const isOurs = message !== undefined && matches(lane.lane.filterSubject, message.subject)
        if (isOurs && !this.#recorded.has(sequence))
          throw new Error(`the floor of ${lane.consumer}, ${floor}, is past ${sequence}, which has no end`)
      }
      this.#floors.set(lane, floor)
    }
    // Nobody answered a delivery in time, or so late that JetStream may hear of it too late: what comes up when is known only roughly.
    const inTime = parseDuration(this.#mode.spec.retry.visibilityTimeout) - SETTLED_WITHIN_MS
    if (this.#isCalm && [...this.#latest.values()].some(({ at }) => now - at >= inTime)) this.#isCalm = false
    const isReady = [...stream.consumers.values()].some((consumer) => consumer.isReady)
    if (!hasPull || !isReady) this.#starvedSince = undefined
    else this.#starvedSince ??= now
    const bound = this.#isCalm ? CALM_MS : STARVED_MS
    if (now - (this.#starvedSince ?? now) > bound)
      throw new Error(`nothing was delivered for ${bound} ms, with a pull open and messages ready`)
  }

  /** Nothing is left in the stream, and no lane waits for a word. */
  get isOver(): boolean {
    const { stream, lanes, delayed } = this.#world
    return (
      stream.messages.size + delayed.messages.size === 0 &&
      lanes.every(({ ledger, moving }) => ledger.unrecorded + moving.size === 0)
    )
  }

  get left(): string {
    const { stream, lanes } = this.#world
    const ledgers = lanes.map(({ consumer, ledger, moving, unacked }) => ({
      consumer,
      floor: ledger.floor,
      unrecorded: ledger.unrecorded,
      moving: [...moving],
      unacked: [...unacked.values()],
      info: stream.consumers.get(consumer)?.info,
    }))
    return JSON.stringify({ messages: [...stream.messages.values()], ledgers })
  }

  /** Each message came to an end that somebody gave it. */
  atTheEnd(): void {
    const isLru = this.#mode.spec.ordering.mode === 'Lru'
    for (const [id, { key, acknowledged, deadLetters }] of this.#known) {
      const isReplaced = isLru && this.#newest.get(key) !== id
      if (!acknowledged && deadLetters === 0 && !isReplaced) throw new Error(`message ${id} is lost`)
    }
  }

  #of(id: number): Known {
    const known = this.#known.get(id)
    if (known === undefined) throw new Error(`message ${id} was never published`)
    return known
  }
}
