import { type LaneState, type Outcome, OUTCOMES } from '../queue/lane-state.ts'
import type { Account } from './account.ts'
import { isElsewhere, rangesOf } from './gone-elsewhere.ts'
import type { SettlementLog } from './log.ts'
import { Purger, type PurgerOptions } from './purger.ts'
import { RangeSet } from './range-set.ts'
import type { LaneSettlements, SettlementRecord } from './record.ts'

/** Between two records while settlements keep coming. A lone settlement is recorded at once. Milliseconds. */
const RECORD_INTERVAL_MS = 20
/** The same where somebody waits for the word that a settlement is on record. Milliseconds. */
const AWAITED_INTERVAL_MS = 5
/** Settlements that are put on record without waiting for more. */
const RECORD_AT = 1000
/** A snapshot takes the place of this many records. */
const COMPACT_AT = 1000
/** Without a settlement for so long, what is left over is looked after. Milliseconds. */
const QUIET_MS = 50
/** Before the broker is asked again after it did not confirm a record. Milliseconds. */
const RETRY_DELAY_MS = 250

type Outcomes = Required<Omit<LaneSettlements, 'deliveries'>>

interface Settlement {
  readonly lane: LaneState
  readonly sequence: number
  readonly outcome: Outcome
  /** Inbox that waits for the word that the settlement is on record. */
  readonly reply: string | undefined
  /** Which delivery of the lane was answered, where that is counted. */
  readonly delivery: number | undefined
  /** Whether JetStream might deliver the message again before a purge. */
  readonly late: boolean
  /** Not a client's word, so that the message need not have been delivered. */
  readonly isOurs?: boolean
  readonly certain?: boolean
}

/** What is known of the delivery that was answered. */
export interface Answered {
  /** Inbox that waits for the word that the settlement is on record. */
  readonly reply?: string | undefined
  /** Which delivery of the lane it was, where that is counted. */
  readonly delivery?: number
  /** Whether JetStream might deliver the message again before a purge. */
  readonly late?: boolean
  /** Whether it was looked that the message was delivered, which a crash may have made JetStream forget since. */
  readonly certain?: boolean
}

export interface SettlerOptions extends PurgerOptions {
  readonly log: SettlementLog
  /** What became of every message, by group. */
  readonly accounts: () => ReadonlyMap<string, Account>
  /** When the queue's stream was created. */
  readonly created: () => string
  /** Whether each acknowledgement is to be passed on at once, since something waits for it (strict order, a log). */
  readonly passesOn: () => boolean
  /** Whether lanes stand still until a settlement is on record, so that one record follows the other at once. */
  readonly isAwaited: () => boolean
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
  /** How many settlements there were. */
  #settled = 0
  /** How many of them were, at least once, put on record, or it failed. */
  #tried = 0
  /** How many of them are on record. */
  #confirmed = 0
  #lastRecord = 0
  /** Whether somebody waits for the next record. */
  #awaited = false
  #quietTimer: NodeJS.Timeout | undefined
  #stopped = false
  /** Lets go of what is on record. */
  readonly purger: Purger

  constructor(options: SettlerOptions) {
    this.#o = options
    this.purger = new Purger(options)
  }

  settle(lane: LaneState, sequence: number, outcome: Outcome, answered: Answered = {}): void {
    const { reply, delivery, late = false, certain = false } = answered
    this.#add({ lane, sequence, outcome, reply, delivery, late, certain })
    const isUrgent = reply !== undefined && !this.#awaited
    if (isUrgent) this.#awaited = true
    if (isUrgent || this.#fresh.length === RECORD_AT) this.#unschedule()
    this.#schedule()
  }

  /** Whether a message came to an end that is not on record yet. */
  isEnding(lane: LaneState, sequence: number): boolean {
    const is = (one: Settlement): boolean => one.lane === lane && one.sequence === sequence
    return this.#fresh.some(is) || this.#batch.some(is)
  }

  /** Ends a message that may not have been delivered; who calls takes it out of the stream once that is on record. */
  end(lane: LaneState, sequence: number, outcome: Outcome): void {
    this.#add({ lane, sequence, outcome, reply: undefined, delivery: undefined, late: false, isOurs: true })
    this.#schedule()
  }

  #add(settlement: Settlement): void {
    this.#settled++
    this.#fresh.push(settlement)
  }

  /** Puts on record and lets go of everything that was settled before the call. */
  async flush(): Promise<void> {
    await this.recorded()
    await this.purger.flush()
  }

  /** Resolves when everything that was settled before the call is on record, or it failed and is tried again. */
  async recorded(): Promise<void> {
    const wanted = this.#settled
    // What is under way may be the record of others, or a compaction.
    while (this.#tried < wanted) await this.#startRecording()
  }

  /** Resolves when everything that was settled before the call is on record. Throws when the broker did not confirm it; it is tried again. */
  async onRecord(): Promise<void> {
    const wanted = this.#settled
    await this.recorded()
    if (this.#confirmed < wanted) throw new Error('the settlement log did not confirm a record')
  }

  async stop(): Promise<void> {
    await this.flush()
    this.#stopped = true
    this.#clear()
    const deliveries = await this.#deliveries()
    if (this.#o.log.length > 1 || deliveries.size > 0) await this.#compact(deliveries)
  }

  /** Of lanes whose messages are counted: how many deliveries they made, where their numbers are given once. */
  async #deliveries(): Promise<Map<string, number>> {
    const { js, stream, lanes, logger } = this.#o
    const made = new Map<string, number>()
    try {
      for (const { consumer, spread } of lanes()) {
        if (spread === undefined || spread.ledger.isBlind) continue
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
    this.#tried = this.#settled
    this.#clear()
  }

  /** @param deliveries of lanes that are stopped in good order, how many they made */
  snapshot(deliveries?: ReadonlyMap<string, number>): SettlementRecord {
    const lanes: Record<string, LaneSettlements> = {}
    for (const { consumer, ledger, movedAt } of this.#o.lanes()) {
      const made = deliveries?.get(consumer)
      lanes[consumer] = {
        floor: ledger.floor,
        acknowledged: ledger.ranges(),
        ...(movedAt.size === 0 ? {} : { moved: rangesOf(movedAt.keys()) }),
        ...(made === undefined ? {} : { deliveries: made }),
      }
    }
    const accounts = Object.fromEntries(Array.from(this.#o.accounts(), ([group, { state }]) => [group, state]))
    return { stream: this.#o.created(), at: Date.now(), lanes, accounts }
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
    this.purger.stop()
    clearTimeout(this.#quietTimer)
    this.#unschedule()
  }

  #unschedule(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
    this.#timer = undefined
    this.#immediate = undefined
  }

  #schedule(delay?: number): void {
    if (this.#timer !== undefined || this.#immediate !== undefined) return
    if (this.#recording !== undefined || this.#stopped) return
    const wait = delay ?? this.#lastRecord + this.#interval() - performance.now()
    const start = (): void => {
      this.#timer = undefined
      this.#immediate = undefined
      void this.#startRecording()
    }
    if (wait > 0) this.#timer = setTimeout(start, wait)
    else this.#immediate = setImmediate(start)
  }

  #interval(): number {
    if (this.#o.isAwaited() || this.#fresh.length >= RECORD_AT) return 0
    return this.#awaited ? AWAITED_INTERVAL_MS : RECORD_INTERVAL_MS
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
      // Nothing comes while nats-server is busy with a purge.
      const { purging } = this.purger
      if (purging === undefined) this.#o.onQuiet()
      else void purging.then(() => this.#untilQuiet())
    }, QUIET_MS)
  }

  async #record(): Promise<void> {
    this.#lastRecord = performance.now()
    const batch = this.#fresh
    const through = this.#settled
    this.#batch = batch
    this.#fresh = []
    this.#awaited = false
    try {
      const delivered = await this.#delivered(batch)
      // A lane that is no more was of another stream, or of a group that is gone: its numbers mean nothing here.
      const current = new Set(this.#o.lanes())
      const settlements = delivered.filter(({ lane }) => current.has(lane))
      if (settlements.length === 0) {
        this.#confirmed = through
        return
      }
      const started = performance.now()
      const lanes = byLane(settlements)
      const record: Record<string, LaneSettlements> = {}
      for (const [lane, outcomes] of lanes) record[lane.consumer] = outcomes
      await this.#o.log.append({ stream: this.#o.created(), at: Date.now(), lanes: record })
      this.#confirmed = through
      this.#o.metrics.appended((performance.now() - started) / 1000, settlements.length)
      this.#onRecord(settlements, lanes)
      // Here, where no record is on its way: one that is stored but not in the snapshot would be removed with the others.
      if (this.#o.log.length >= COMPACT_AT) await this.#compact()
    } catch (error) {
      // Nothing was let go of yet; a record that was stored but not confirmed is repeated, and says the same.
      this.#fresh = batch.concat(this.#fresh)
      this.#awaited = true
      throw error
    } finally {
      this.#batch = []
      this.#tried = through
    }
  }

  /**
   * An acknowledgement's subject is a client's word. One that names a message that was never delivered must not be put on
   * record, or that message would be taken for settled when it comes. The other ends are ours, and hold also where a crash made
   * JetStream forget that it delivered the message: there is a copy of it.
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
    return batch.filter(({ lane, sequence, outcome, isOurs, certain }) => {
      if (isOurs || certain || outcome !== 'acknowledged' || sequence <= lane.ledger.delivered) return true
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
      const account = this.#o.accounts().get(lane.group)
      for (const outcome of OUTCOMES) {
        const count = lane.ledger.record(outcomes[outcome])
        account?.add(outcome, count)
        if (outcome === 'acknowledged') this.#o.metrics.ended(lane.group, count)
        if (outcome === 'dropped') this.#o.metrics.dropped('gone', count)
        if (lane.spread !== undefined) lane.spread.unpurged += count
      }
    }
    const passOn = this.#o.passesOn()
    for (const { lane, sequence, reply, late, outcome, isOurs, certain } of settlements) {
      const isCertain = outcome !== 'acknowledged' || certain
      if (!isOurs && isCertain && sequence > lane.ledger.delivered) this.#takeOut(lane, sequence)
      if (lane.moving.size > 0) lane.moving.delete(sequence)
      if (isElsewhere(outcome)) lane.movedAt.set(sequence, performance.now())
      if (lane.alive.size > 0) lane.alive.delete(sequence)
      // Who is told that it is on record must not be given it again because its timeout ends before the purge.
      if (passOn || late || reply !== undefined || lane.lane.maxAckPending === 1)
        this.purger.acknowledge(lane, sequence, reply)
      else lane.unacked.add(sequence)
    }
    this.purger.schedule()
  }

  /** JetStream would deliver it anew. */
  #takeOut({ group }: LaneState, sequence: number): void {
    const isKept = !this.#o.purges() || this.#o.lanes().some((lane) => lane.group !== group)
    if (!isKept) void this.#o.exclusively(() => this.purger.deleteMessage(sequence))
  }
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
        purged: new RangeSet(),
        transferred: new RangeSet(),
      }
      sets.set(lane, outcomes)
    }
    outcomes[outcome].add(sequence)
  }
  const lanes = new Map<LaneState, Outcomes>()
  for (const [lane, { acknowledged, deadLettered, dropped, moved, purged, transferred }] of sets) {
    lanes.set(lane, {
      floor: lane.ledger.floor,
      acknowledged: [...acknowledged.ranges()],
      deadLettered: [...deadLettered.ranges()],
      dropped: [...dropped.ranges()],
      moved: [...moved.ranges()],
      purged: [...purged.ranges()],
      transferred: [...transferred.ranges()],
    })
  }
  return lanes
}
