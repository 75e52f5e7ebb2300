import type { QueueSpec } from '../../crds/index.ts'
import { queueSubject } from '../../crds/protocol/subjects.ts'
import { wantedQueueStream } from '../../sidecar/jetstream/desired.ts'
import { LONG_MS, parks } from '../../sidecar/delay/parks.ts'
import { movesToTail } from '../../sidecar/lanes/lanes.ts'
import type { Outcome } from '../../sidecar/queue/lane-state.ts'
import type { DeadLetterReason } from '../../sidecar/settle/settle.ts'
import { Checks } from './checks.ts'
import type { Delivery, Pull } from './jetstream/consumer.ts'
import { ModelDelayed } from './jetstream/delayed.ts'
import { type GivenUpHint, ModelStream, type Stored } from './jetstream/stream.ts'
import type { Mode } from './modes.ts'
import { PickCheck } from './pick-check.ts'
import type { Step } from './schedule.ts'
import { ModelSidecar } from './sidecar/sidecar.ts'

export const QUEUE = 'model'

/** From a message's being stored to the sidecar's knowing it. Milliseconds. */
const NOTICE_MS = 1
/** Nothing takes longer than this once everybody answers. Milliseconds. */
const DRAIN_MS = 180_000
/** From a death between two steps to the next start. Milliseconds. */
const RESTART_MS = 100
/** More things than ever happen at one time. */
const STUCK = 1000

export interface Options {
  /** Whether the stream is small, so that what is settled leaves it at once. */
  readonly nearLimit: boolean
  /** Whether the server's hints that a message was given up arrive. */
  readonly hints: boolean
}

/** Where a sidecar may die, beside between any two things that happen. */
export type Fate = 'afterCopy' | 'afterPark'
const FATES: readonly (Fate | undefined)[] = [undefined, undefined, 'afterCopy', 'afterPark']

const ANSWERS = { ack: '+ACK', ackTold: '+ACK', nak: '-NAK', progress: '+WPI', term: '+TERM' } as const
const encoder = new TextEncoder()
const BODIES: ReadonlyMap<string, Uint8Array> = new Map(
  Object.values(ANSWERS).map((text) => [text, encoder.encode(text)]),
)

/** A queue in memory: a server, a sidecar, clients and a clock. Nothing in it is random: steps say what happens. */
export class World {
  now = 0
  readonly created = 'once'
  readonly options: Options
  readonly spec: QueueSpec
  readonly stream: ModelStream
  readonly delayed = new ModelDelayed()
  readonly log: string[] = []
  readonly picks: PickCheck
  readonly #mode: Mode
  readonly checks: Checks
  readonly #letters = new Set<string>()
  readonly #notices: Array<{ readonly at: number; readonly subject: string; readonly seq: number }> = []
  #sidecar: ModelSidecar | undefined
  #startAt = Number.POSITIVE_INFINITY
  #pulls: Pull[] = []
  #held: Delivery[] = []
  #ids = 0
  #fate: Fate | undefined
  /** Things that happened since the clock moved. */
  #stuck = 0

  constructor(mode: Mode, options: Options) {
    this.#mode = mode
    this.options = options
    this.spec = mode.spec
    this.picks = new PickCheck(mode.spec)
    this.stream = new ModelStream(wantedQueueStream(QUEUE, mode.spec), (pull, delivery) =>
      this.#deliver(pull, delivery),
    )
    this.checks = new Checks(this, mode)
    this.#start()
  }

  get lanes(): ModelSidecar['lanes'] {
    return this.#sidecar?.lanes ?? []
  }

  take({ kind, random }: Step): void {
    switch (kind) {
      case 'publish':
        return this.#publish(random)
      case 'pull':
        return this.#pull(1 + (random % 7), 300 + random, random % 5 === 0)
      case 'ack':
      case 'ackTold':
      case 'nak':
      case 'progress':
      case 'term':
        return this.#answer(random, ANSWERS[kind], kind === 'ackTold', kind === 'progress')
      case 'nakLater':
        return this.#answer(random, `-NAK {"delay":${Math.max(0, (random % 400) - 100) * 1e6}}`)
      case 'nakLong':
        if (parks(this.spec) || movesToTail(this.spec))
          this.#answer(random, `-NAK {"delay":${(LONG_MS + random) * 1e6}}`)
        return
      case 'ackAll':
        while (this.#held.length > 0) this.#answer(0, ANSWERS.ack)
        return
      case 'drop':
        this.#held.splice(random % Math.max(1, this.#held.length), 1)
        return
      case 'wait':
        return this.#wait(random % 60)
      case 'waitLong':
        return this.#wait(random % 2500)
      case 'waitOut':
        if (this.delayed.messages.size > 0) this.#serve(this.now + LONG_MS + (random % 2000))
        return
      case 'vanish':
        this.checks.disturbed()
        this.#held = []
        for (const pull of this.#pulls) pull.open = false
        return
      case 'stopSidecar':
        this.#sidecar?.stop()
        return this.#end(random)
      case 'killSidecar':
        this.#fate = FATES[random % 4]
        if (this.#fate !== undefined) return
        if (random % 8 === 0) this.#sidecar?.crashAfterRecord()
        return this.#end(random)
      case 'killServer':
        return this.#killServer(random)
      default:
        return kind satisfies never
    }
  }

  /** What holds at any time; throws where it does not. */
  check(): void {
    this.checks.always(this.#pulls.some(({ open }) => open))
  }

  /** Everybody answers from now on, until nothing is left. */
  drain(): void {
    this.#serve(this.now + DRAIN_MS)
    if (!this.checks.isOver) throw new Error(`not over after ${DRAIN_MS} ms: ${this.checks.left}`)
    this.checks.atTheEnd()
  }

  /** Everything is acknowledged as it comes, until nothing is left or time is up. */
  #serve(until: number): void {
    while (!this.checks.isOver && this.now < until) {
      while (this.#held.length > 0) this.#answer(0, ANSWERS.ackTold, true)
      this.#pulls = this.#pulls.filter(({ open }) => open)
      if (this.#pulls.length === 0) this.#pull(5, 1000, false)
      this.#step(Math.min(until, this.now + 1000))
      this.check()
    }
  }

  append(record: string, settlements: ReadonlyArray<{ readonly sequence: number; readonly outcome: Outcome }>): void {
    this.log.push(record)
    for (const { sequence, outcome } of settlements) this.checks.recorded(sequence, outcome)
  }

  told(sequence: number): void {
    this.checks.told(sequence)
  }

  deadLetter(message: Stored, reason: DeadLetterReason, attempts: number, id: string): void {
    if (this.#letters.has(id)) return
    this.#letters.add(id)
    this.checks.deadLettered(message, reason, attempts)
  }

  /** Whether the sidecar is to die here, where it never does twice. */
  takeFate(fate: Fate): boolean {
    if (this.#fate !== fate) return false
    this.#fate = undefined
    return true
  }

  /** It came to its fate. */
  died(): void {
    this.#end(RESTART_MS)
  }

  /** A message that waited for its time is back. */
  copy(subject: string, id: number, headers: Stored['headers']): void {
    const stored = this.stream.copy(subject, id, headers)
    this.checks.stored(stored)
    this.#notices.push({ at: this.now + NOTICE_MS, subject: stored.subject, seq: stored.seq })
  }

  takeHints(): GivenUpHint[] {
    const hints = this.stream.givenUp.splice(0)
    return this.options.hints ? hints : []
  }

  #start(): void {
    this.#startAt = Number.POSITIVE_INFINITY
    this.#sidecar = new ModelSidecar(this)
  }

  #end(random: number): void {
    this.checks.disturbed()
    this.#sidecar = undefined
    this.#startAt = this.now + (random % 300)
    // Pulls that the sidecar held; one that the server has goes on.
    for (const pull of this.#pulls) pull.open = false
  }

  #killServer(random: number): void {
    this.stream.crash(random % 3 === 0)
    for (const pull of this.#pulls) pull.open = false
    this.#notices.length = 0
    this.checks.disturbed()
    this.checks.serverCrashed()
    this.#sidecar?.resume()
  }

  #publish(random: number): void {
    const { keys } = this.#mode
    const key = keys[random % keys.length] ?? ''
    for (let n = 0; n <= Math.floor(random / keys.length) % 4; n++) {
      const subject = key === '' ? queueSubject(QUEUE) : `${queueSubject(QUEUE)}.${key}`
      const id = ++this.#ids
      this.checks.published(id, key)
      const stored = this.stream.publish(subject, id)
      if (stored === undefined) throw new Error(`${subject} was refused`)
      this.checks.stored(stored)
      this.#notices.push({ at: this.now + NOTICE_MS, subject: stored.subject, seq: stored.seq })
    }
  }

  #pull(batch: number, expiresMs: number, noWait: boolean): void {
    const pull: Pull = { batch, noWait, expiresAt: this.now + expiresMs, got: 0, open: this.#sidecar !== undefined }
    this.#pulls.push(pull)
    this.#sidecar?.pull(pull)
  }

  #deliver(pull: Pull, delivery: Delivery): void {
    pull.got++
    if (pull.got > pull.batch) throw new Error(`${pull.got} messages for a pull of ${pull.batch}`)
    if (pull.got === pull.batch) pull.open = false
    this.checks.delivered(delivery)
    this.#held.push(delivery)
  }

  #answer(random: number, text: string, told = false, keep = false): void {
    const index = random % Math.max(1, this.#held.length)
    const delivery = this.#held[index]
    if (delivery === undefined) return
    if (!keep) this.#held.splice(index, 1)
    const { consumer, attempt, number, message } = delivery
    this.checks.answered(delivery, text)
    const subject = `PILLION.ACK.${QUEUE}.${consumer}.${attempt}.${message.seq}.${number}.${message.at}000000.0`
    this.#sidecar?.answer(subject, BODIES.get(text) ?? encoder.encode(text), told)
  }

  #wait(ms: number): void {
    const end = this.now + ms
    while (this.now < end) {
      this.#step(end)
      this.check()
    }
  }

  /** To the next thing that happens by itself, or to `end`. */
  #step(end: number): void {
    const notice = this.#notices[0]?.at ?? Number.POSITIVE_INFINITY
    const sidecar = this.#sidecar?.nextAt ?? Number.POSITIVE_INFINITY
    const next = Math.min(end, this.#startAt, this.stream.nextAt, notice, sidecar)
    this.#stuck = next > this.now ? 0 : this.#stuck + 1
    if (this.#stuck > STUCK) throw new Error(`the clock stands still at ${this.now}`)
    this.now = Math.max(this.now, next)
    this.stream.now = this.now
    if (this.#startAt <= this.now) this.#start()
    this.stream.advance()
    for (let due = this.#notices[0]; due !== undefined && due.at <= this.now; due = this.#notices[0]) {
      this.#notices.shift()
      this.#sidecar?.stored(due.subject, due.seq)
    }
    this.#sidecar?.advance()
  }
}
