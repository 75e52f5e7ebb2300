import { JetStreamApiError } from '@nats-io/jetstream'
import type { Logger } from 'pino'
import { ACK_PREFIX } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import type { QueueMetrics } from '../metrics/queue-metrics.ts'
import type { LaneState } from '../queue/lane-state.ts'
import { leftAfter } from './left-after.ts'
import { mayPurge } from './may-purge.ts'
import { RangeSet } from './range-set.ts'
import { mayWait, wake } from './wake.ts'

/** From the first settlement on record to the purge that takes it out of the stream. Milliseconds. */
const PURGE_DELAY_MS = 25
/** Until it is looked again whether a purge does no harm. Milliseconds. */
const DEFERRED_PURGE_MS = 250
/** For so long a purge waits until it does no harm; then what it would take is deleted one by one. Milliseconds. */
const DEFER_AT_MOST_MS = 2000
/** A purge is taken to last this many times as long as the last one, at most. */
const PURGE_LASTS = 3
/** The least that a purge is taken to last, on a busy machine too. Milliseconds. */
const PURGE_LASTS_MS = 250
/** Purged at once from here on, so that the stream does not grow while messages pass through it. */
const PURGE_AT_ONCE = 2000
/**
 * Between two purges passes this many times what the last one took. nats-server delivers nothing meanwhile, and counts anew what is
 * left for each lane: 1 ms with one lane, and 200 ms were seen with 64 of them and 100,000 messages waiting.
 */
const PURGE_PAUSE = 10
/** The same where lanes have one place in flight each: what is settled waits for no purge to be let go of, and only takes room. */
const PURGE_PAUSE_SINGLE = 50
/** Messages of one lane that are purged on their own, where other lanes hold back the purge of all. */
const PURGE_LANE_AT = 1000
/** For a purge to come, settled messages stay pending at JetStream no longer than this. Milliseconds. */
const HOLD_MS = 5000
/** The same in parts of the visibility timeout. */
const HOLD_SHARE = 4
/** The same where it is not known how long ago they were delivered. Milliseconds. */
const HOLD_UNKNOWN_MS = 250
/** Messages of a lane that are held so at most: half of what a lane may have in flight, which they count as. */
const HOLD_AT_MOST = 25_000
/** Messages deleted one by one in one pass. */
const DELETE_AT_MOST = 1000
/** Deletions that are under way together. */
const DELETE_TOGETHER = 100
/** Before the broker is asked again after it did not confirm a purge. Milliseconds. */
const RETRY_DELAY_MS = 250

export interface PurgerOptions {
  readonly js: JetStreamAccess
  readonly stream: string
  readonly logger: Logger
  readonly metrics: QueueMetrics
  readonly lanes: () => readonly LaneState[]
  /** Messages above this are not to leave the stream yet, whatever is on record of them. */
  readonly holdsAbove: () => number
  /** Whether a settled message may leave the stream; not where the Queue is kept as a log. */
  readonly purges: () => boolean
  /** Up to where every message that a group is to see has a lane, so that lanes can be purged together. */
  readonly coveredThrough: () => Promise<number>
  /** Whether the stream is so full that settled messages behind an unsettled one have to go too. */
  readonly nearLimit: () => boolean
  readonly visibilityTimeoutMs: () => number
  /** Runs what takes messages out of the stream while nothing is half way into it. */
  readonly exclusively: (purge: () => Promise<void>) => Promise<void>
}

/**
 * Lets go of messages whose end is on record: by one purge up to where the record of every lane has no gap, by purges of single
 * lanes, and by acknowledging to JetStream what no purge reached in time.
 */
export class Purger {
  readonly #o: PurgerOptions
  #purged = 0
  #purging: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #deferTimer: NodeJS.Timeout | undefined
  #stopped = false
  /** Whether the last pass failed: the next one waits, however full the stream is. */
  #failed = false
  /** When the next purge may come; monotonic milliseconds. */
  #notBefore = 0
  /** When what was held was acknowledged last; monotonic milliseconds. */
  #acknowledgedAt = 0
  /** Whether the next pass waits for nothing. */
  #now = false
  #moreToDelete = false
  /** Since when a purge has had to wait until it does no harm; monotonic milliseconds. */
  #deferredAt: number | undefined
  /** How long the last purge took. Milliseconds. */
  #took = 0
  /** Deleted one by one, above what is purged. */
  readonly #deleted = new RangeSet()

  constructor(options: PurgerOptions) {
    this.#o = options
  }

  /** Everything up to here has left the stream. */
  set purgedThrough(sequence: number) {
    // nats-server says of a stream that never had a message that its first is number 0.
    this.#purged = Math.max(0, sequence)
    this.#deleted.removeAbove(0)
  }

  get purgedThrough(): number {
    return this.#purged
  }

  /** Ends when the purge does that is under way; undefined while none is. Never rejects. */
  get purging(): Promise<void> | undefined {
    return this.#purging
  }

  /** Lets go of all that is on record now. */
  async flush(): Promise<void> {
    await this.#purging
    this.#now = true
    await this.#start()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#deferTimer)
    clearTimeout(this.#timer)
  }

  /** Lets go of what is on record but still in the stream: after a start or a reconnect. */
  async letGo(): Promise<void> {
    for (const { ledger, unacked, spread } of this.#o.lanes()) {
      // What no purge has taken out yet may have to wait until one does no harm; of lanes that share a stream it was listed.
      if (spread === undefined) unacked.addRange(this.#purged + 1, ledger.floor)
      for (const [from, to] of ledger.ranges()) unacked.addRange(from, to)
    }
    await this.flush()
  }

  /** Floors may have risen without a settlement. */
  floorsRaised(): void {
    if (this.#purgeable() > this.#purged) this.schedule()
  }

  /** Nothing is left to deliver, so that no delivery waits for a purge. */
  hurry(): void {
    this.#notBefore = 0
  }

  /** Something is on record that is still in the stream. */
  schedule(): void {
    if (this.#stopped || this.#failed || this.#purging !== undefined) return
    const many = this.#purgeable() - this.#purged >= PURGE_AT_ONCE && performance.now() >= this.#notBefore
    if (this.#o.nearLimit() || (many && this.#deferredAt === undefined)) void this.#start()
    else this.#timer ??= setTimeout(() => void this.#start(), PURGE_DELAY_MS)
  }

  /** JetStream is told of an end that is on record: the message is not delivered again once it has answered at `reply`. */
  acknowledge(lane: LaneState, sequence: number, reply?: string): void {
    const subject = `${ACK_PREFIX}.${this.#o.stream}.${lane.consumer}.1.${sequence}.1.0.0`
    const { spread } = lane
    spread?.flow?.released()
    // A word that is waited for goes to another inbox than the next message does.
    if (spread?.release !== undefined && spread.flow?.single === true && reply === undefined) spread.release(subject)
    else this.#o.js.connection.publish(subject, undefined, reply === undefined ? {} : { reply })
    spread?.changed()
  }

  /** Takes out of the stream what lanes have on record ahead of the others, where there are at least so many of it. */
  async purgeLanes(atLeast = PURGE_LANE_AT): Promise<void> {
    if (!this.#o.purges() || this.#o.lanes().every(({ spread }) => (spread?.unpurged ?? 0) < atLeast)) return
    await this.#o.exclusively(() => this.#purgeLanes(atLeast))
  }

  async #purgeLanes(atLeast = PURGE_LANE_AT): Promise<void> {
    if (!this.#o.purges()) return
    const lanes = this.#o.lanes().filter(({ spread }) => spread !== undefined)
    for (const [subject, own] of Map.groupBy(lanes, ({ lane }) => lane.filterSubject)) {
      const through = Math.min(...own.map(({ ledger }) => ledger.floor))
      const count = Math.max(...own.map(({ spread }) => spread?.unpurged ?? 0))
      const purged = Math.max(this.#purged, ...own.map(({ spread }) => spread?.purged ?? 0))
      if (count < atLeast || through <= purged || through > this.#o.holdsAbove()) continue
      if (performance.now() < this.#notBefore && !this.#o.nearLimit()) return
      if (!(await this.#mayPurge(own))) continue
      const isWhole = own.every(({ lane }) => lane.isWhole === true)
      await this.#purgeStream({ seq: through + 1, ...(isWhole ? {} : { filter: subject }) })
      this.#leftLanes(own, through)
    }
  }

  /** Up to here every group has the stream's messages on record. */
  #purgeable(): number {
    if (!this.#o.purges()) return this.#purged
    const lanes = this.#o.lanes()
    if (lanes.length === 0) return this.#purged
    let through = this.#o.holdsAbove()
    for (const { ledger } of lanes) if (ledger.floor < through) through = ledger.floor
    return through
  }

  #start(): Promise<void> {
    clearTimeout(this.#timer)
    clearTimeout(this.#deferTimer)
    this.#timer = undefined
    this.#deferTimer = undefined
    const before = this.#purged
    this.#purging ??= this.#o
      .exclusively(() => this.#pass())
      .then(
        () => false,
        (error: unknown) => {
          this.#o.logger.warn({ err: error }, 'could not purge what is settled; trying again')
          return true
        },
      )
      .then((failed) => {
        this.#purging = undefined
        this.#failed = failed
        if (!this.#stopped) this.#goOn(this.#purged > before)
      })
    return this.#purging
  }

  /** After a pass. @param progressed whether it took something out of the stream */
  #goOn(progressed: boolean): void {
    const behind = this.#o.lanes().some(({ unacked }) => unacked.size > 0)
    if (this.#failed) this.#timer ??= setTimeout(() => void this.#start(), RETRY_DELAY_MS)
    else if (this.#deferredAt !== undefined && !behind && !this.#moreToDelete)
      this.#deferTimer ??= setTimeout(() => void this.#start(), DEFERRED_PURGE_MS)
    else if (behind || this.#moreToDelete || this.#purgeable() > this.#purged) {
      // At once only where that gets further: near a limit it would find the same again, and nothing else would get its turn.
      if (progressed || this.#moreToDelete) this.schedule()
      else this.#timer ??= setTimeout(() => void this.#start(), PURGE_DELAY_MS)
    }
  }

  async #pass(): Promise<void> {
    const now = performance.now()
    const everything = this.#now || this.#o.nearLimit()
    this.#now = false
    const held = this.#heldTooLong(now, everything)
    const isDue = everything || now >= this.#notBefore
    // Acknowledging one by one what a purge would take costs more than the purge.
    if (isDue || held.length > 0) await this.#purgeTogether()
    if (isDue && !everything) await this.#purgeLanes()
    for (const lane of held) this.#acknowledgeAll(lane)
    if (!this.#o.purges()) return
    this.#moreToDelete = await this.#deleteDeferred(now)
    if (!this.#o.nearLimit()) return
    await this.#purgeLanes(1)
    this.#moreToDelete = await this.#deleteAll(this.#settledByAll())
  }

  async #purgeTogether(): Promise<void> {
    // In this order: a lane that was made meanwhile has a say in what may be purged.
    const covered = this.#purgeable() > this.#purged ? await this.#o.coveredThrough() : 0
    const through = Math.min(this.#purgeable(), covered)
    const isDue = through > this.#purged
    const mayPurge = isDue && (await this.#mayPurge(this.#o.lanes()))
    if (isDue && !mayPurge) this.#deferredAt ??= performance.now()
    else this.#deferredAt = undefined
    if (!mayPurge) return
    await this.#purgeStream({ seq: through + 1 })
    this.#leftThrough(through)
  }

  #leftThrough(through: number): void {
    this.#purged = through
    this.#leftLanes(this.#o.lanes(), through)
    this.#deleted.removeThrough(through)
  }

  #leftLanes(lanes: readonly LaneState[], through: number): void {
    for (const state of lanes) {
      leftAfter(state, through)
      if (mayWait(state)) wake(this.#o.js.connection, this.#o.stream, state.consumer)
    }
  }

  async #purgeStream(request: { readonly seq: number; readonly filter?: string }): Promise<void> {
    const started = performance.now()
    for (const { spread } of this.#o.lanes()) spread?.flow?.purges()
    await this.#o.js.manager.streams.purge(this.#o.stream, request)
    const took = performance.now() - started
    this.#o.metrics.purged(took / 1000)
    this.#took = took
    const single = this.#o.lanes().every(({ lane }) => lane.maxAckPending === 1)
    this.#notBefore = performance.now() + (single ? PURGE_PAUSE_SINGLE : PURGE_PAUSE) * took
  }

  /** Lanes with messages on record that have been pending at JetStream for so long that they might be delivered again. */
  #heldTooLong(now: number, everything: boolean): LaneState[] {
    const atMost = this.#o.visibilityTimeoutMs() / HOLD_SHARE
    const since = now - this.#acknowledgedAt
    const isLong = everything || since >= Math.min(HOLD_MS, atMost)
    const mayBeLong = isLong || since >= Math.min(HOLD_UNKNOWN_MS, atMost)
    if (isLong) this.#acknowledgedAt = now
    return this.#o.lanes().filter(({ spread, unacked }) => {
      if (unacked.size === 0) return false
      return isLong || unacked.size >= HOLD_AT_MOST || (mayBeLong && spread?.flow === undefined)
    })
  }

  #acknowledgeAll(lane: LaneState): void {
    const ranges = [...lane.unacked.ranges()]
    lane.unacked.removeAbove(0)
    for (const [from, to] of ranges) {
      for (let sequence = from; sequence <= to; sequence++) this.acknowledge(lane, sequence)
    }
  }

  #mayPurge(lanes: readonly LaneState[]): Promise<boolean> {
    const { js, stream, visibilityTimeoutMs } = this.#o
    const lastsMs = Math.max(PURGE_LASTS_MS, PURGE_LASTS * this.#took)
    return mayPurge(js, stream, lanes, { visibilityTimeoutMs: visibilityTimeoutMs(), lastsMs })
  }

  /** What a purge would take that has had to wait for long, or for which there is no room. True when there is more of it. */
  async #deleteDeferred(now: number): Promise<boolean> {
    if (this.#deferredAt === undefined) return false
    if (now - this.#deferredAt < DEFER_AT_MOST_MS && !this.#o.nearLimit()) return false
    const through = Math.min(this.#purgeable(), await this.#o.coveredThrough())
    const last = Math.min(through, this.#purged + DELETE_AT_MOST)
    await this.#deleteAll(between(this.#purged + 1, last))
    if (last > this.#purged) this.#leftThrough(last)
    return last < through
  }

  /** True when there are more than one pass takes. */
  async #deleteAll(sequences: Iterable<number>): Promise<boolean> {
    let left = DELETE_AT_MOST
    let together: number[] = []
    const deleteThem = async (): Promise<void> => {
      await Promise.all(together.map((sequence) => this.#delete(sequence)))
      together = []
    }
    for (const sequence of sequences) {
      if (this.#deleted.has(sequence) || sequence > this.#o.holdsAbove()) continue
      if (left-- <= 0) {
        await deleteThem()
        return true
      }
      if (together.push(sequence) === DELETE_TOGETHER) await deleteThem()
    }
    await deleteThem()
    return false
  }

  /** What every group has on record of a lane, above its floor. */
  *#settledByAll(): Generator<number, void, undefined> {
    const lanes = this.#o.lanes()
    for (const { group, lane, ledger } of lanes) {
      if (group !== lanes[0]?.group) return
      const others = lanes.filter((other) => other.group !== group && other.lane.name === lane.name)
      for (const [from, to] of ledger.ranges()) {
        for (const sequence of between(from, to)) {
          if (others.every((other) => other.ledger.isSettled(sequence))) yield sequence
        }
      }
    }
  }

  /** Takes one message out of the stream that is on record; where that fails, a later purge does. */
  async deleteMessage(sequence: number): Promise<void> {
    await this.#delete(sequence).catch((error: unknown) => {
      this.#o.logger.debug({ err: error, sequence }, 'could not delete a settled message')
    })
  }

  async #delete(sequence: number): Promise<void> {
    if (sequence <= this.#purged || sequence > this.#o.holdsAbove()) return
    await this.#o.js.manager.streams.deleteMessage(this.#o.stream, sequence, false).catch((error: unknown) => {
      if (!(error instanceof JetStreamApiError)) throw error
      this.#o.logger.debug({ err: error, sequence }, 'a settled message was gone already')
    })
    this.#deleted.add(sequence)
  }
}

function* between(from: number, to: number): Generator<number, void, undefined> {
  for (let sequence = from; sequence <= to; sequence++) yield sequence
}
