import type { Logger } from 'pino'
import { ACK_PREFIX } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import type { QueueMetrics } from '../metrics/queue-metrics.ts'
import type { LaneState, Outcome } from '../queue/lane-state.ts'
import type { SettlementLog } from './log.ts'
import { mayPurge } from './may-purge.ts'
import { type Range, RangeSet } from './range-set.ts'
import type { LaneSettlements, SettlementRecord } from './record.ts'

/** Between two records while settlements keep coming. A lone settlement is recorded at once. Milliseconds. */
const RECORD_INTERVAL_MS = 5
/** From the first settlement on record to the purge that takes it out of the stream. Milliseconds. */
const PURGE_DELAY_MS = 25
/** Until it is looked again whether a purge does no harm. Milliseconds. */
const DEFERRED_PURGE_MS = 250
/** Purged at once from here on, so that the stream does not grow while messages pass through it. */
const PURGE_AT_ONCE = 2000
/** With many lanes, by how much the two above are multiplied at most. */
const MAX_PURGE_COST = 40
/** A snapshot takes the place of this many records. */
const COMPACT_AT = 1000
/** Without a settlement for so long, what is left over is looked after. Milliseconds. */
const QUIET_MS = 50
/** Before the broker is asked again after it did not confirm a record. Milliseconds. */
const RETRY_DELAY_MS = 250
/** Messages deleted one by one after a record, while the stream is near its limits. */
const DELETE_AT_MOST = 1000

type Outcomes = Required<Omit<LaneSettlements, 'deliveries'>>

interface Settlement {
  readonly lane: LaneState
  readonly sequence: number
  readonly outcome: Outcome
  /** Inbox that waits for the word that the settlement is on record. */
  readonly reply: string | undefined
  /** Which delivery of the lane was answered, where that is counted. */
  readonly delivery: number | undefined
  /** Not a client's word, so that the message need not have been delivered. */
  readonly isOurs?: boolean
}

export interface SettlerOptions {
  readonly js: JetStreamAccess
  readonly stream: string
  readonly log: SettlementLog
  readonly logger: Logger
  readonly metrics: QueueMetrics
  readonly lanes: () => readonly LaneState[]
  /** When the queue's stream was created. */
  readonly created: () => string
  /** Whether a settled message may leave the stream; not where the Queue is kept as a log. */
  readonly purges: () => boolean
  /** Whether lanes are purged together, up to where all of them are settled; not where there may be messages without a lane. */
  readonly purgesTogether: () => boolean
  /** Whether each acknowledgement is to be passed on at once, since something waits for it (strict order, a log). */
  readonly passesOn: () => boolean
  /** Whether the stream is so full that settled messages behind an unsettled one have to go too. */
  readonly nearLimit: () => boolean
  /** Whether lanes stand still until a settlement is on record, so that one record follows the other at once. */
  readonly isAwaited: () => boolean
  readonly visibilityTimeoutMs: () => number
  /** Settlements came, and come no more. */
  readonly onQuiet: () => void
}

/**
 * Takes settlements, puts them on record in batches, and only then lets go of the messages: by one purge up to where the record
 * has no gap, and by acknowledging to JetStream what lies behind a gap. A crash at any point leaves either the record, and the
 * message is not delivered again, or no record, and it is.
 */
export class Settler {
  readonly #o: SettlerOptions
  #fresh: Settlement[] = []
  /** On its way to the record. */
  #batch: readonly Settlement[] = []
  #recording: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined
  #lastRecord = 0
  #purged = 0
  #lastPurge = 0
  #purging: Promise<void> | undefined
  #purgeTimer: NodeJS.Timeout | undefined
  #deferTimer: NodeJS.Timeout | undefined
  #quietTimer: NodeJS.Timeout | undefined
  #stopped = false
  #moreToDelete = false
  /** Whether the last purge has to wait until it does no harm. */
  #deferred = false
  /** Deleted one by one, above what is purged. */
  readonly #deleted = new RangeSet()

  constructor(options: SettlerOptions) {
    this.#o = options
  }

  /** Everything up to here has left the stream. */
  set purgedThrough(sequence: number) {
    this.#purged = sequence
    this.#deleted.removeAbove(0)
  }

  get purgedThrough(): number {
    return this.#purged
  }

  /** Ends when the purge does that is under way; undefined while none is. Never rejects. */
  get purging(): Promise<void> | undefined {
    return this.#purging
  }

  settle(lane: LaneState, sequence: number, outcome: Outcome, reply?: string, delivery?: number): void {
    this.#fresh.push({ lane, sequence, outcome, reply, delivery })
    this.#schedule()
  }

  /** Whether a message came to an end that is not on record yet. */
  isEnding(lane: LaneState, sequence: number): boolean {
    const is = (one: Settlement): boolean => one.lane === lane && one.sequence === sequence
    return this.#fresh.some(is) || this.#batch.some(is)
  }

  /** Ends a message that may not have been delivered; who calls takes it out of the stream once that is on record. */
  end(lane: LaneState, sequence: number, outcome: Outcome): void {
    this.#fresh.push({ lane, sequence, outcome, reply: undefined, delivery: undefined, isOurs: true })
    this.#schedule()
  }

  /** Puts on record and lets go of everything that was settled before the call. */
  async flush(): Promise<void> {
    await this.#recording
    if (this.#fresh.length > 0) await this.#startRecording()
    await this.#purging
    await this.#startPurge()
  }

  async stop(): Promise<void> {
    await this.flush()
    this.#stopped = true
    this.#clear()
    const deliveries = await this.#deliveries()
    if (this.#o.log.length > 1 || deliveries.size > 0) await this.#compact(deliveries)
  }

  /** Of lanes that share the stream: how many deliveries they made. */
  async #deliveries(): Promise<Map<string, number>> {
    const { js, stream, lanes, logger } = this.#o
    const made = new Map<string, number>()
    try {
      for (const { consumer, spread } of lanes()) {
        if (spread === undefined) continue
        const info = await js.manager.consumers.info(stream, consumer)
        made.set(consumer, info.delivered.consumer_seq)
      }
    } catch (error) {
      logger.debug({ err: error }, 'could not note how far lanes are; they are listed at the next start')
    }
    return made
  }

  /** Ends without a word to the broker: its stream is gone, or is being removed. */
  abandon(): void {
    this.#stopped = true
    this.#fresh = []
    this.#clear()
  }

  /** Lets go of what is on record but still in the stream: after a start or a reconnect. */
  async letGo(): Promise<void> {
    for (const lane of this.#o.lanes()) {
      for (const [from, to] of lane.ledger.ranges()) for (let s = from; s <= to; s++) lane.unacked.add(s)
    }
    await this.#startPurge()
  }

  /** Floors may have risen without a settlement. */
  floorsRaised(): void {
    if (this.#purgeable() > this.#purged) this.#schedulePurge()
  }

  /** @param deliveries of lanes that are stopped in good order, how many they made */
  snapshot(deliveries?: ReadonlyMap<string, number>): SettlementRecord {
    const lanes: Record<string, LaneSettlements> = {}
    for (const { consumer, ledger } of this.#o.lanes()) {
      const made = deliveries?.get(consumer)
      lanes[consumer] = {
        floor: ledger.floor,
        acknowledged: ledger.ranges(),
        ...(made === undefined ? {} : { deliveries: made }),
      }
    }
    return { stream: this.#o.created(), at: Date.now(), lanes }
  }

  /** Puts what is known now in place of the log. Settlements wait meanwhile, so that none is in neither. */
  async restate(): Promise<void> {
    while (this.#recording !== undefined) await this.#recording
    const compaction = this.#o.log.compact(this.snapshot())
    this.#recording = compaction.then(
      () => undefined,
      () => undefined,
    )
    try {
      await compaction
    } finally {
      this.#recording = undefined
      if (this.#fresh.length > 0) this.#schedule()
    }
  }

  /** A compaction that fails is made after a later record; until then the log is longer. */
  async #compact(deliveries?: ReadonlyMap<string, number>): Promise<void> {
    await this.#o.log.compact(this.snapshot(deliveries)).catch((error: unknown) => {
      this.#o.logger.warn({ err: error }, 'could not compact the settlement log')
    })
  }

  #clear(): void {
    clearTimeout(this.#quietTimer)
    clearTimeout(this.#deferTimer)
    clearTimeout(this.#purgeTimer)
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
  }

  #schedule(delay?: number): void {
    if (this.#timer !== undefined || this.#immediate !== undefined) return
    if (this.#recording !== undefined || this.#stopped) return
    const interval = this.#o.isAwaited() ? 0 : RECORD_INTERVAL_MS
    const wait = delay ?? this.#lastRecord + interval - performance.now()
    const start = (): void => {
      this.#timer = undefined
      this.#immediate = undefined
      void this.#startRecording()
    }
    if (wait > 0) this.#timer = setTimeout(start, wait)
    else this.#immediate = setImmediate(start)
  }

  #startRecording(): Promise<void> {
    this.#recording ??= this.#record()
      .then(
        () => undefined,
        (error: unknown) => {
          this.#o.logger.warn({ err: error }, 'the settlement log did not confirm a record; trying again')
          return RETRY_DELAY_MS
        },
      )
      .then((delay) => {
        this.#recording = undefined
        if (this.#fresh.length > 0) this.#schedule(delay)
        else this.#untilQuiet()
      })
    return this.#recording
  }

  #untilQuiet(): void {
    clearTimeout(this.#quietTimer)
    if (this.#stopped) return
    this.#quietTimer = setTimeout(() => {
      this.#lastPurge = 0
      this.#o.onQuiet()
    }, QUIET_MS)
  }

  async #record(): Promise<void> {
    this.#lastRecord = performance.now()
    const batch = this.#fresh
    this.#batch = batch
    this.#fresh = []
    try {
      const delivered = await this.#delivered(batch)
      // A lane that is no more was of another stream, or of a group that is gone: its numbers mean nothing here.
      const current = this.#o.lanes()
      const settlements = delivered.filter(({ lane }) => current.includes(lane))
      if (settlements.length === 0) return
      const started = performance.now()
      const lanes = byLane(settlements)
      const record: Record<string, LaneSettlements> = {}
      for (const [lane, outcomes] of lanes) record[lane.consumer] = outcomes
      await this.#o.log.append({ stream: this.#o.created(), at: Date.now(), lanes: record })
      this.#o.metrics.appended((performance.now() - started) / 1000, settlements.length)
      this.#onRecord(settlements, lanes)
      // Here, where no record is on its way: one that is stored but not in the snapshot would be removed with the others.
      if (this.#o.log.length >= COMPACT_AT) await this.#compact()
    } catch (error) {
      // Nothing was let go of yet; a record that was stored but not confirmed is repeated, and says the same.
      this.#fresh = batch.concat(this.#fresh)
      throw error
    } finally {
      this.#batch = []
    }
  }

  /**
   * An acknowledgement's subject is a client's word. One that names a message that was never delivered must not be put on
   * record, or that message would be taken for settled when it comes.
   */
  async #delivered(batch: Settlement[]): Promise<Settlement[]> {
    const ahead = new Set<LaneState>()
    for (const { lane, sequence, isOurs } of batch) if (!isOurs && sequence > lane.ledger.delivered) ahead.add(lane)
    if (ahead.size === 0) return batch
    await Promise.all(
      [...ahead].map(async (lane) => {
        const info = await this.#o.js.manager.consumers.info(this.#o.stream, lane.consumer)
        lane.ledger.sawDelivered(info.delivered.stream_seq)
      }),
    )
    return batch.filter(({ lane, sequence, isOurs }) => {
      if (isOurs || sequence <= lane.ledger.delivered) return true
      lane.moving.delete(sequence)
      this.#o.metrics.invalid('ack')
      this.#o.logger.warn(
        { consumer: lane.consumer, sequence },
        'ignored an acknowledgement of a message not delivered',
      )
      return false
    })
  }

  #onRecord(settlements: readonly Settlement[], lanes: Map<LaneState, Outcomes>): void {
    for (const { lane, sequence, delivery } of settlements) {
      if (delivery !== undefined) lane.spread?.ledger.answer(delivery, sequence)
    }
    for (const [lane, outcomes] of lanes) {
      const acknowledged = lane.ledger.record(outcomes.acknowledged)
      const deadLettered = lane.ledger.record(outcomes.deadLettered)
      const dropped = lane.ledger.record(outcomes.dropped)
      const moved = lane.ledger.record(outcomes.moved)
      this.#o.metrics.ended(lane.group, acknowledged)
      this.#o.metrics.dropped('gone', dropped)
      if (lane.spread !== undefined) lane.spread.unpurged += acknowledged + deadLettered + dropped + moved
    }
    const passOn = this.#o.passesOn()
    for (const { lane, sequence, reply } of settlements) {
      lane.moving.delete(sequence)
      lane.alive.delete(sequence)
      // Who is told that it is on record must not be given it again because its timeout ends before the purge.
      if (passOn || reply !== undefined || lane.lane.maxAckPending === 1) this.#acknowledge(lane, sequence)
      else lane.unacked.add(sequence)
      if (reply !== undefined) this.#o.js.connection.publish(reply)
    }
    this.#schedulePurge()
  }

  #acknowledge(lane: LaneState, sequence: number): void {
    this.#o.js.connection.publish(`${ACK_PREFIX}.${this.#o.stream}.${lane.consumer}.1.${sequence}.1.0.0`)
    lane.spread?.flow?.released()
    lane.spread?.changed()
  }

  /** Up to here every group has the stream's messages on record. */
  #purgeable(): number {
    return this.#o.purges() && this.#o.purgesTogether()
      ? Math.min(...this.#o.lanes().map(({ ledger }) => ledger.floor))
      : this.#purged
  }

  #schedulePurge(): void {
    if (this.#stopped || this.#purging !== undefined) return
    const settled = this.#purgeable() - this.#purged
    const atOnce = this.#o.nearLimit() || (!this.#deferred && settled >= PURGE_AT_ONCE * this.#purgeCost)
    if (atOnce) {
      void this.#startPurge()
    } else {
      this.#purgeTimer ??= setTimeout(() => void this.#startPurge(), PURGE_DELAY_MS)
    }
  }

  #startPurge(): Promise<void> {
    clearTimeout(this.#purgeTimer)
    clearTimeout(this.#deferTimer)
    this.#purgeTimer = undefined
    this.#deferTimer = undefined
    this.#purging ??= this.#purge()
      .catch((error: unknown) => {
        this.#o.logger.warn({ err: error }, 'could not purge what is settled; trying again')
        if (!this.#stopped) this.#purgeTimer ??= setTimeout(() => void this.#startPurge(), RETRY_DELAY_MS)
      })
      .then(() => {
        this.#purging = undefined
        const behind = this.#o.lanes().some(({ unacked }) => unacked.size > 0)
        if (this.#stopped) return
        if (behind || this.#moreToDelete) this.#schedulePurge()
        else if (this.#deferred) this.#deferTimer ??= setTimeout(() => void this.#startPurge(), DEFERRED_PURGE_MS)
        else if (this.#purgeable() > this.#purged) this.#schedulePurge()
      })
    return this.#purging
  }

  async #purge(): Promise<void> {
    const through = this.#purgeable()
    // What was behind a gap already when this purge began will not wait for the next one.
    const aged = this.#o.lanes().map((lane) => [lane, [...lane.unacked]] as const)
    const isDue = through > this.#purged && this.#isDue(through)
    this.#deferred = isDue && !(await this.#mayPurge(this.#o.lanes()))
    if (isDue && !this.#deferred) {
      const started = performance.now()
      this.#lastPurge = started
      await this.#o.js.manager.streams.purge(this.#o.stream, { seq: through + 1 })
      this.#o.metrics.purged((performance.now() - started) / 1000)
      this.#purged = through
      for (const state of this.#o.lanes()) if (state.ledger.floor <= through) leftAfter(state, through)
      this.#deleted.removeThrough(through)
    }
    for (const [lane, sequences] of aged) {
      for (const sequence of sequences) {
        lane.unacked.delete(sequence)
        if (sequence > this.#purged) this.#acknowledge(lane, sequence)
      }
    }
    if (!this.#o.nearLimit() || !this.#o.purges()) return
    await this.purgeLanes(1)
    this.#moreToDelete = await this.#deleteSettled()
  }

  /** A purge costs nats-server a count of what is left for each of the lanes, so with many of them it is made less often. */
  get #purgeCost(): number {
    return Math.min(MAX_PURGE_COST, this.#o.lanes().length)
  }

  #isDue(through: number): boolean {
    const cost = this.#purgeCost
    if (cost === 1 || this.#o.nearLimit() || this.#stopped) return true
    const waited = performance.now() - this.#lastPurge
    return through - this.#purged >= PURGE_AT_ONCE * cost || waited >= PURGE_DELAY_MS * cost
  }

  /** Takes out of the stream what lanes have on record ahead of the others, where there are at least so many of it. */
  async purgeLanes(atLeast: number): Promise<void> {
    if (!this.#o.purges()) return
    const lanes = this.#o.lanes().filter(({ spread }) => spread !== undefined)
    for (const [subject, own] of Map.groupBy(lanes, ({ lane }) => lane.filterSubject)) {
      const through = Math.min(...own.map(({ ledger }) => ledger.floor))
      const count = Math.max(...own.map(({ spread }) => spread?.unpurged ?? 0))
      const purged = Math.max(this.#purged, ...own.map(({ spread }) => spread?.purged ?? 0))
      if (count < atLeast || through <= purged || !(await this.#mayPurge(own))) continue
      await this.#o.js.manager.streams.purge(this.#o.stream, { filter: subject, seq: through + 1 })
      for (const state of own) leftAfter(state, through)
    }
  }

  #mayPurge(lanes: readonly LaneState[]): Promise<boolean> {
    const { js, stream, visibilityTimeoutMs } = this.#o
    return mayPurge(js, stream, lanes, visibilityTimeoutMs(), performance.now())
  }

  /**
   * Single deletions of what a purge does not reach: behind a gap, or before one while a purge has to wait. True when there are
   * more of them than one pass takes.
   */
  async #deleteSettled(): Promise<boolean> {
    let left = DELETE_AT_MOST
    const before: Range[] = this.#deferred ? [[this.#purged + 1, this.#purgeable()]] : []
    for (const sequence of this.#settledByAll(before)) {
      if (this.#deleted.has(sequence)) continue
      if (left-- <= 0) return true
      await this.deleteMessage(sequence)
    }
    return false
  }

  /** What every group has on record of a lane, above its floor. */
  *#settledByAll(before: readonly Range[]): Generator<number, void, undefined> {
    const lanes = this.#o.lanes()
    for (const [from, to] of before) for (let sequence = from; sequence <= to; sequence++) yield sequence
    for (const { group, lane, ledger } of lanes) {
      if (group !== lanes[0]?.group) return
      const others = lanes.filter((other) => other.group !== group && other.lane.name === lane.name)
      for (const [from, to] of ledger.ranges()) {
        for (let sequence = from; sequence <= to; sequence++) {
          if (others.every((other) => other.ledger.isSettled(sequence))) yield sequence
        }
      }
    }
  }

  /** Takes one message out of the stream that is on record. */
  async deleteMessage(sequence: number): Promise<void> {
    if (sequence <= this.#purged) return
    await this.#o.js.manager.streams.deleteMessage(this.#o.stream, sequence, false).catch((error: unknown) => {
      this.#o.logger.debug({ err: error, sequence }, 'a settled message was gone already')
    })
    this.#deleted.add(sequence)
  }
}

/** A lane's messages were purged through a sequence that is not above its floor's; what is settled above stays. */
function leftAfter({ spread }: LaneState, through: number): void {
  if (spread === undefined) return
  spread.purged = through
  spread.unpurged = spread.ledger.settledAbove
}

function byLane(settlements: readonly Settlement[]): Map<LaneState, Outcomes> {
  const sets = new Map<LaneState, Record<Outcome, RangeSet>>()
  for (const { lane, sequence, outcome } of settlements) {
    let outcomes = sets.get(lane)
    if (outcomes === undefined) {
      outcomes = {
        acknowledged: new RangeSet(),
        deadLettered: new RangeSet(),
        dropped: new RangeSet(),
        moved: new RangeSet(),
      }
      sets.set(lane, outcomes)
    }
    outcomes[outcome].add(sequence)
  }
  const lanes = new Map<LaneState, Outcomes>()
  for (const [lane, { acknowledged, deadLettered, dropped, moved }] of sets) {
    lanes.set(lane, {
      floor: lane.ledger.floor,
      acknowledged: [...acknowledged.ranges()],
      deadLettered: [...deadLettered.ranges()],
      dropped: [...dropped.ranges()],
      moved: [...moved.ranges()],
    })
  }
  return lanes
}
