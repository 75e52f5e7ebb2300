import { setTimeout as delay } from 'node:timers/promises'
import { parseQuantity } from '../../crds/index.ts'
import type { StoredMessage } from '../jetstream/stored-message.ts'
import type { QueueState } from '../queue/state.ts'
import { endedWaiting, sawTtl } from '../queue/waiting-ends.ts'
import { movesToTail } from '../lanes/lanes.ts'
import { attemptsBefore, headerValue } from '../settlement/copied-headers.ts'
import type { Copies } from './copies.ts'
import { copyOf, isRefusal, publishCopy } from './copy.ts'
import { storedHeader } from './headers.ts'
import { allSlots, hourOf, slotsOfHour } from './slot.ts'
import { type DelayedStore, type Parked, parseParked } from './store.ts'
import { type Upcoming, UpcomingMessages } from './upcoming.ts'

/** Messages that are moved together at most, and how many bytes they may have together. */
const MAX_BATCH = 256
const MAX_BATCH_BYTES = 32 * 1024 * 1024
/** While the Queue refuses what is due, this many are tried to see whether it takes some again. */
const PROBES = 8
/** From a refusal to the next try, at first and at most. Milliseconds. */
const REFUSED_MS = 250
const MAX_REFUSED_MS = 4000
/** What nats-server could not do is tried again after this. Milliseconds. */
const RETRY_MS = 250
/** What is held is looked at again after this. Milliseconds. */
const HELD_MS = 100
/** Slots are listed anew so often, should one have been missed. Milliseconds. */
const LIST_MS = 60_000
/** A timer is no longer than this. Milliseconds. */
const LONGEST_WAIT_MS = 60_000
/** More hours than these are not asked for one by one. */
const MAX_HOURS = 24

export interface MoverOptions {
  readonly q: QueueState
  readonly store: DelayedStore
  readonly copies: Copies
  /** A message that stayed in the Queue's stream has waited out its backoff. */
  readonly returned: (parked: Parked, attempts: number) => Promise<void>
  /** Whether what a transaction sent has to stay. */
  readonly isHeld: (transaction: string) => boolean
}

/** How a message that was due came out. */
type Outcome = 'moved' | 'expired' | 'replaced' | 'gone'
/** It is of a transaction of which it is not on record that it is carried out. */
const HELD = 'held'

/**
 * Moves messages of the delayed stream to the Queue when they are due: copies them, and removes them once the copies are
 * acknowledged. Nothing leaves the Queue's stream between the two (`QueueState.streamLock`), so that after a crash
 * copies are found (see `Copies`), and no message is copied twice.
 */
export class DelayedMover {
  readonly #q: QueueState
  readonly #store: DelayedStore
  readonly #copies: Copies
  readonly #returned: MoverOptions['returned']
  readonly #isHeld: MoverOptions['isHeld']
  readonly #upcoming = new UpcomingMessages()
  #timer: NodeJS.Timeout | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #running: Promise<void> | undefined
  #stopped = false
  #listedAt = Number.NEGATIVE_INFINITY
  #refusedMs = 0
  #pausedUntil = 0

  constructor({ q, store, copies, returned, isHeld }: MoverOptions) {
    this.#q = q
    this.#store = store
    this.#copies = copies
    this.#returned = returned
    this.#isHeld = isHeld
  }

  get upcoming(): UpcomingMessages {
    return this.#upcoming
  }

  /** When the delayed stream was created. */
  get created(): string {
    return this.#copies.created
  }

  start(): void {
    this.#wake()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  /** There is something to do at `at`, milliseconds since 1970. */
  wakeAt(at: number): void {
    if (at < this.#timerAt) this.#setTimer(Math.max(this.#pausedUntil, at))
  }

  /** Messages may have been stored that nobody told of. */
  listAgain(): void {
    this.#listedAt = Number.NEGATIVE_INFINITY
    this.#wake()
  }

  #wake(): void {
    this.#setTimer(Math.max(this.#pausedUntil, Math.min(this.#upcoming.nextAt(), this.#listedAt + LIST_MS)))
  }

  #setTimer(at: number): void {
    if (this.#running !== undefined || this.#stopped) return
    clearTimeout(this.#timer)
    this.#timerAt = at
    const wait = Math.ceil(at - Date.now())
    this.#timer = setTimeout(() => this.#begin(), Math.min(LONGEST_WAIT_MS, Math.max(0, wait)))
  }

  #begin(): void {
    this.#running = this.#run()
      .catch(async (error: unknown) => {
        this.#q.logger.warn({ err: error }, 'could not look after delayed messages; trying again')
        await delay(RETRY_MS)
      })
      .then(() => {
        this.#running = undefined
        this.#wake()
      })
  }

  async #run(): Promise<void> {
    while (!this.#stopped && (await this.#step())) continue
  }

  /** False when there is nothing to do now. */
  async #step(): Promise<boolean> {
    const now = Date.now()
    if (now < this.#pausedUntil) return false
    const hour = UpcomingMessages.wantedHour(now)
    if (hour > this.#upcoming.hour || now >= this.#listedAt + LIST_MS) {
      await this.#list(hour, now)
      return true
    }
    const batch = this.#upcoming.take(now, this.#batchSize)
    if (batch.length > 0) {
      await this.#q.streamLock.run(() => this.#move(batch))
      return true
    }
    const next = this.#upcoming.next(now)
    if (next === undefined) return false
    await this.#lookUp(next)
    return true
  }

  get #batchSize(): number {
    if (this.#refusedMs > 0) return PROBES
    const largest = parseQuantity(this.#q.spec.retention.maxMessageSize)
    return Math.max(1, Math.min(MAX_BATCH, Math.floor(MAX_BATCH_BYTES / largest)))
  }

  async #list(hour: number, now: number): Promise<void> {
    const all = !Number.isFinite(this.#listedAt) || hour - this.#upcoming.hour > MAX_HOURS
    const from = Math.min(hour, this.#upcoming.hour)
    this.#upcoming.listing(hour)
    // Until all of it was done, all of it is done again.
    this.#listedAt = Number.NEGATIVE_INFINITY
    const name = this.#q.name
    const filters = all ? [allSlots(name)] : range(from, hour).map((h) => slotsOfHour(name, h))
    for (const filter of filters) {
      const slots: number[] = []
      for await (const slot of this.#store.slots(filter)) if (hourOf(slot) <= hour) slots.push(slot)
      this.#upcoming.listed(slots)
    }
    this.#upcoming.listingDone()
    this.#listedAt = now
  }

  async #lookUp({ slot, after, limit }: { slot: number; after: number; limit: number }): Promise<void> {
    this.#upcoming.lookingUp(slot)
    try {
      const { messages, complete } = await this.#store.slot(slot, after, limit)
      this.#upcoming.found(slot, messages, complete)
    } catch (error) {
      this.#upcoming.notFound(slot)
      throw error
    }
  }

  async #move(batch: readonly Upcoming[]): Promise<void> {
    const { logger, metrics } = this.#q
    const ended: Upcoming[] = []
    const lost = { expired: 0, replaced: 0 }
    const refused: Upcoming[] = []
    const held: Upcoming[] = []
    const unknown: Upcoming[] = []
    try {
      await this.#copies.renewCheckpoint()
      const now = Date.now()
      const read = await Promise.all(batch.map(({ sequence }) => this.#store.read(sequence)))
      const move = async (message: Upcoming, index: number): Promise<void> => {
        try {
          const outcome = await this.#moveOne(read[index], now)
          if (outcome === HELD) return void held.push(message)
          ended.push(message)
          if (outcome === 'expired' || outcome === 'replaced') lost[outcome]++
          metrics.delayedEnded(outcome)
        } catch (error) {
          if (isRefusal(error)) refused.push(message)
          else unknown.push(message)
          if (refused.length + unknown.length > 1) return
          logger.warn(
            { err: error, sequence: message.sequence },
            'a delayed message is due and could not be moved; trying again',
          )
        }
      }
      // One after the other where the order of two of the same key matters and nats-server is asked in between.
      if (movesToTail(this.#q.spec)) for (const [index, message] of batch.entries()) await move(message, index)
      else await Promise.all(batch.map(move))
    } catch (error) {
      unknown.push(...batch.filter((message) => ![ended, refused, held].some((some) => some.includes(message))))
      logger.debug({ err: error }, 'could not move delayed messages')
    }
    for (const message of ended) this.#upcoming.done(message)
    if (await this.#untilDone(() => this.#remove(ended))) {
      endedWaiting(this.#q, 'expired', lost.expired)
      endedWaiting(this.#q, 'replaced', lost.replaced)
    }
    // What may have been copied is found out before anything may leave the Queue's stream.
    if (unknown.length > 0) await this.#untilDone(() => this.#copies.removeOriginals())
    metrics.delayedRefused(refused.length)
    this.#pause(refused.length > 0 && ended.length + unknown.length === 0)
    const again = Date.now() + Math.max(REFUSED_MS, this.#refusedMs)
    for (const message of refused) this.#upcoming.refused(message, again)
    for (const message of unknown) this.#upcoming.refused(message, 0)
    for (const message of held) this.#upcoming.refused(message, Date.now() + HELD_MS)
  }

  /** Where nothing is taken, the next try waits longer. */
  #pause(isRefused: boolean): void {
    this.#refusedMs = isRefused ? Math.min(MAX_REFUSED_MS, Math.max(REFUSED_MS, 2 * this.#refusedMs)) : 0
    this.#pausedUntil = isRefused ? Date.now() + this.#refusedMs : 0
  }

  async #moveOne(message: StoredMessage | undefined, now: number): Promise<Outcome | typeof HELD> {
    const { js, name, spec, metrics } = this.#q
    if (message === undefined) return 'gone'
    if (this.#isHeld(headerValue(message.headers, storedHeader.transaction) ?? '')) return HELD
    const parked = parseParked(
      headerValue(message.headers, storedHeader.parked),
      headerValue(message.headers, storedHeader.subject),
    )
    if (parked !== undefined && movesToTail(spec)) {
      await this.#returned(parked, attemptsBefore(message.headers))
      return 'moved'
    }
    const copy = copyOf(message, name, now)
    if (copy === undefined) return 'expired'
    const result = await publishCopy(
      js,
      { name, spec },
      { sequence: message.seq, storedAt: message.time.getTime(), created: this.created },
      copy,
      message.data,
    )
    if (result === 'replaced') return result
    this.#copies.copied(result)
    if (copy.expires) sawTtl(this.#q)
    if (parked !== undefined) metrics.redelivered(spec.consumerGroups[0]?.name ?? '', 1)
    return 'moved'
  }

  async #remove(ended: readonly Upcoming[]): Promise<void> {
    for (const [slot, messages] of Map.groupBy(ended, ({ slot }) => slot)) {
      const through = messages.length > 1 ? this.#upcoming.doneThrough(slot) : undefined
      if (through === undefined) await Promise.all(messages.map(({ sequence }) => this.#store.delete(sequence)))
      else await this.#store.purge(slot, through)
      this.#upcoming.release(slot)
    }
  }

  /** Whether the delayed stream was removed. */
  async #isGone(): Promise<boolean> {
    try {
      return (await this.#store.info())?.created !== this.created
    } catch {
      return false
    }
  }

  /** Nothing else may happen before; ends when told to stop, and then it is false. */
  async #untilDone(work: () => Promise<void>): Promise<boolean> {
    while (!this.#stopped) {
      try {
        await work()
        return true
      } catch (error) {
        if (await this.#isGone()) this.#stopped = true
        this.#q.logger.debug({ err: error }, 'could not finish a move yet')
        await delay(RETRY_MS)
      }
    }
    return false
  }
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index)
