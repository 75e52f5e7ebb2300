import { comesUp, isQueueEmpty, mayBeQueued } from '../../../sidecar/settlement/may-purge.ts'
import { RangeSet } from '../../../sidecar/settlement/range-set.ts'
import { encodeRecord, type LaneSettlements, type SettlementRecord } from '../../../sidecar/settlement/record.ts'
import type { LaneState, Outcome } from '../../../sidecar/queue/lane-state.ts'
import type { World } from '../world.ts'

/** As the settler and the purger have them. Milliseconds. */
const RECORD_MS = 20
const AWAITED_MS = 5
const PURGE_MS = 25
const DEFERRED_MS = 250
const QUIET_MS = 50
/** How long a purge is taken to last, at least. */
const LASTS_MS = 250
/** For a purge to come, settled messages stay pending at the server for this part of the visibility timeout. */
const HOLD_SHARE = 4
const PURGE_LANE_AT = 1000

interface Settlement {
  readonly lane: LaneState
  readonly sequence: number
  readonly outcome: Outcome
  readonly delivery: number | undefined
  /** The client waits for the word that it is on record. */
  readonly told: boolean
  /** The server might deliver it again before a purge. */
  readonly late: boolean
}

/** What is known of the delivery that was answered. */
interface Answered {
  readonly told?: boolean
  readonly delivery?: number
  readonly late?: boolean
}

export interface SettlementsOptions {
  readonly world: World
  readonly lanes: () => readonly LaneState[]
  readonly visibilityTimeoutMs: number
  /** Up to where every message has a lane. */
  readonly coveredThrough: () => number
  readonly nearLimit: boolean
  readonly onQuiet: () => void
  /** The only place in flight of a lane is free. */
  readonly onReleased: () => void
}

/** Puts settlements on record in batches and lets go of the messages after that, as sidecar/settlement/settler.ts does. */
export class Settlements {
  readonly #o: SettlementsOptions
  #fresh: Settlement[] = []
  #purged: number
  #recordAt = Number.POSITIVE_INFINITY
  #purgeAt = Number.POSITIVE_INFINITY
  #quietAt = Number.POSITIVE_INFINITY
  #acknowledgedAt = 0

  constructor(options: SettlementsOptions) {
    this.#o = options
    this.#purged = options.world.stream.first - 1
  }

  settle(lane: LaneState, sequence: number, outcome: Outcome, answered: Answered = {}): void {
    const { told = false, delivery, late = false } = answered
    this.#fresh.push({ lane, sequence, outcome, delivery, told, late })
    this.#recordAt = Math.min(this.#recordAt, this.#o.world.now + (told ? AWAITED_MS : RECORD_MS))
  }

  isEnding(lane: LaneState, sequence: number): boolean {
    return this.#fresh.some((one) => one.lane === lane && one.sequence === sequence)
  }

  get nextAt(): number {
    return Math.min(this.#recordAt, this.#purgeAt, this.#quietAt)
  }

  advance(): void {
    const { now } = this.#o.world
    if (this.#recordAt <= now) this.record()
    if (this.#purgeAt <= now) this.purge()
    if (this.#quietAt <= now) {
      this.#quietAt = Number.POSITIVE_INFINITY
      this.#o.onQuiet()
    }
  }

  /** @param crash ends after the record is stored: nobody heard of it */
  record({ crash = false } = {}): void {
    const { world, lanes } = this.#o
    this.#recordAt = Number.POSITIVE_INFINITY
    const batch = this.#fresh
    this.#fresh = []
    for (const { lane, sequence } of batch) {
      const info = world.stream.consumers.get(lane.consumer)?.info
      if (sequence > lane.ledger.delivered && info !== undefined) lane.ledger.sawDelivered(info.delivered.stream_seq)
    }
    const settlements = batch.filter(({ lane, sequence, outcome }) => {
      const isOurs = (outcome !== 'acknowledged' || sequence <= lane.ledger.delivered) && lanes().includes(lane)
      if (!isOurs) lane.moving.delete(sequence)
      return isOurs
    })
    if (settlements.length === 0) return
    const byLane = Map.groupBy(settlements, ({ lane }) => lane)
    const record: Record<string, LaneSettlements> = {}
    for (const [lane, own] of byLane) {
      const of = (outcome: Outcome): Array<readonly [number, number]> => {
        const set = new RangeSet()
        for (const settlement of own) if (settlement.outcome === outcome) set.add(settlement.sequence)
        return [...set.ranges()]
      }
      record[lane.consumer] = {
        floor: lane.ledger.floor,
        acknowledged: of('acknowledged'),
        deadLettered: of('deadLettered'),
        dropped: of('dropped'),
        moved: of('moved'),
      }
    }
    world.append(encodeRecord({ stream: world.created, at: world.now, lanes: record }), settlements)
    if (!crash) this.#onRecord(settlements, record)
  }

  #onRecord(settlements: readonly Settlement[], record: Readonly<Record<string, LaneSettlements>>): void {
    const { lanes } = this.#o
    for (const { lane, sequence, delivery } of settlements)
      if (delivery !== undefined) lane.spread?.ledger.answer(delivery, sequence)
    for (const lane of lanes()) {
      const { acknowledged = [], deadLettered = [], dropped = [], moved = [] } = record[lane.consumer] ?? {}
      const added = lane.ledger.record([...acknowledged, ...deadLettered, ...dropped, ...moved])
      if (lane.spread !== undefined) lane.spread.unpurged += added
    }
    for (const { lane, sequence, told, late, outcome } of settlements) {
      if (outcome !== 'acknowledged' && sequence > lane.ledger.delivered) this.#o.world.stream.delete(sequence)
      lane.moving.delete(sequence)
      lane.alive.delete(sequence)
      if (told || late || lane.lane.maxAckPending === 1) this.#acknowledge(lane, sequence)
      else lane.unacked.add(sequence)
      if (told) this.#o.world.told(sequence)
    }
    this.#schedulePurge(PURGE_MS)
    this.#quietAt = this.#o.world.now + QUIET_MS
  }

  /** After a start: what is on record and still in the stream. */
  letGo(): void {
    for (const { ledger, spread, unacked } of this.#o.lanes()) {
      if (spread === undefined) unacked.addRange(this.#purged + 1, ledger.floor)
      for (const [from, to] of ledger.ranges()) unacked.addRange(from, to)
    }
    this.purge(true)
  }

  floorsRaised(): void {
    if (this.#purgeable() > this.#purged) this.#schedulePurge(PURGE_MS)
  }

  /** @param everything acknowledges what no purge reaches, however short a time it was held */
  purge(everything = this.#o.nearLimit): void {
    this.#purgeAt = Number.POSITIVE_INFINITY
    const { world, lanes, nearLimit, visibilityTimeoutMs } = this.#o
    const isLong = everything || world.now - this.#acknowledgedAt >= visibilityTimeoutMs / HOLD_SHARE
    if (isLong) this.#acknowledgedAt = world.now
    const isDeferred = this.#purgeTogether()
    if (!everything) this.purgeLanes()
    for (const lane of isLong ? lanes() : []) {
      const held = [...lane.unacked.values()]
      lane.unacked.removeAbove(0)
      for (const sequence of held) this.#acknowledge(lane, sequence)
    }
    if (lanes().some(({ unacked }) => unacked.size > 0)) this.#schedulePurge(PURGE_MS)
    else if (isDeferred) this.#schedulePurge(DEFERRED_MS)
    if (!nearLimit) return
    this.purgeLanes(1)
    for (const { ledger } of lanes())
      for (const [from, to] of ledger.ranges()) for (let s = from; s <= to; s++) world.stream.delete(s)
  }

  /** Whether it has to wait until it does no harm. */
  #purgeTogether(): boolean {
    const { world, lanes, coveredThrough } = this.#o
    const through = Math.min(this.#purgeable(), coveredThrough())
    if (through <= this.#purged) return false
    if (!this.#mayPurge(lanes())) return true
    world.stream.purge(through + 1)
    this.#purged = through
    for (const state of lanes()) {
      state.unacked.removeThrough(through)
      if (state.ledger.floor <= through) leftAfter(state, through)
    }
    return false
  }

  purgeLanes(atLeast = PURGE_LANE_AT): void {
    for (const state of this.#o.lanes()) {
      const { spread, ledger, lane } = state
      if (spread === undefined || spread.unpurged < atLeast) continue
      if (ledger.floor <= Math.max(this.#purged, spread.purged) || !this.#mayPurge([state])) continue
      const through = ledger.floor
      this.#o.world.stream.purge(through + 1, lane.filterSubject)
      leftAfter(state, through)
    }
  }

  snapshot(): SettlementRecord {
    const lanes = Object.fromEntries(
      this.#o.lanes().map(({ consumer, ledger }) => [consumer, { floor: ledger.floor, acknowledged: ledger.ranges() }]),
    )
    return { stream: this.#o.world.created, at: this.#o.world.now, lanes }
  }

  #mayPurge(lanes: readonly LaneState[]): boolean {
    const { world, visibilityTimeoutMs } = this.#o
    const times = { visibilityTimeoutMs, now: world.now, lastsMs: LASTS_MS }
    return lanes.every((lane) => {
      if (comesUp(lane, times)) return false
      if (!mayBeQueued(lane, times)) return true
      const info = world.stream.consumers.get(lane.consumer)?.info
      return info === undefined || isQueueEmpty(lane, info, times)
    })
  }

  #purgeable(): number {
    const through = Math.min(...this.#o.lanes().map(({ ledger }) => ledger.floor))
    return Number.isFinite(through) ? through : this.#purged
  }

  #schedulePurge(delayMs: number): void {
    this.#purgeAt = Math.min(this.#purgeAt, this.#o.world.now + delayMs)
  }

  #acknowledge(lane: LaneState, sequence: number): void {
    this.#o.world.stream.consumers.get(lane.consumer)?.acknowledge(sequence)
    lane.spread?.flow?.released()
    this.#o.onReleased()
  }
}

function leftAfter({ spread, unacked }: LaneState, through: number): void {
  unacked.removeThrough(through)
  if (spread === undefined) return
  spread.purged = through
  spread.unpurged = spread.ledger.settledAbove
}
