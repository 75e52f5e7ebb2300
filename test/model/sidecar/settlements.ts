import { mayBeQueued } from '../../../sidecar/settlement/may-purge.ts'
import { RangeSet } from '../../../sidecar/settlement/range-set.ts'
import { encodeRecord, type LaneSettlements, type SettlementRecord } from '../../../sidecar/settlement/record.ts'
import type { LaneState, Outcome } from '../../../sidecar/queue/lane-state.ts'
import type { World } from '../world.ts'

/** As the settler has them. Milliseconds. */
const RECORD_MS = 5
const PURGE_MS = 25
const DEFERRED_MS = 250
const QUIET_MS = 50

interface Settlement {
  readonly lane: LaneState
  readonly sequence: number
  readonly outcome: Outcome
  readonly delivery: number | undefined
  /** The client waits for the word that it is on record. */
  readonly told: boolean
}

export interface SettlementsOptions {
  readonly world: World
  readonly lanes: () => readonly LaneState[]
  readonly visibilityTimeoutMs: number
  /** A tree has messages without a lane, which a purge of everything would take away. */
  readonly purgesTogether: boolean
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

  constructor(options: SettlementsOptions) {
    this.#o = options
    this.#purged = options.world.stream.first - 1
  }

  settle(lane: LaneState, sequence: number, outcome: Outcome, told = false, delivery?: number): void {
    this.#fresh.push({ lane, sequence, outcome, delivery, told })
    this.#recordAt = Math.min(this.#recordAt, this.#o.world.now + RECORD_MS)
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
    const settlements = batch.filter(({ lane, sequence }) => {
      const isOurs = sequence <= lane.ledger.delivered && lanes().includes(lane)
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
    for (const { lane, sequence, told } of settlements) {
      lane.moving.delete(sequence)
      lane.alive.delete(sequence)
      if (told || lane.lane.maxAckPending === 1) this.#acknowledge(lane, sequence)
      else lane.unacked.add(sequence)
      if (told) this.#o.world.told(sequence)
    }
    this.#schedulePurge(PURGE_MS)
    this.#quietAt = this.#o.world.now + QUIET_MS
  }

  /** After a start: what is on record and still in the stream. */
  letGo(): void {
    for (const lane of this.#o.lanes()) for (const [from, to] of lane.ledger.ranges()) lane.unacked.addRange(from, to)
    this.purge()
  }

  floorsRaised(): void {
    if (this.#purgeable() > this.#purged) this.#schedulePurge(PURGE_MS)
  }

  purge(): void {
    this.#purgeAt = Number.POSITIVE_INFINITY
    const { world, lanes, nearLimit } = this.#o
    const through = this.#purgeable()
    const isDue = through > this.#purged
    const isDeferred = isDue && !this.#mayPurge(lanes())
    if (isDue && !isDeferred) {
      world.stream.purge(through + 1)
      this.#purged = through
      for (const state of lanes()) if (state.ledger.floor <= through) leftAfter(state, through)
    }
    for (const lane of lanes()) {
      const aged = [...lane.unacked.values()]
      lane.unacked.removeAbove(0)
      for (const sequence of aged) if (sequence > this.#purged) this.#acknowledge(lane, sequence)
    }
    if (isDeferred) this.#schedulePurge(DEFERRED_MS)
    if (!nearLimit) return
    this.purgeLanes(1)
    for (const { ledger } of lanes())
      for (const [from, to] of ledger.ranges()) for (let s = from; s <= to; s++) world.stream.delete(s)
  }

  purgeLanes(atLeast: number): void {
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
    return lanes.every((lane) => {
      if (!mayBeQueued(lane, visibilityTimeoutMs, world.now)) return true
      const info = world.stream.consumers.get(lane.consumer)?.info
      lane.ledger.sawDelivered(info?.delivered.stream_seq ?? 0)
      return info === undefined || info.num_waiting > 0 || lane.ledger.unrecorded === 0
    })
  }

  #purgeable(): number {
    return this.#o.purgesTogether ? Math.min(...this.#o.lanes().map(({ ledger }) => ledger.floor)) : this.#purged
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

function leftAfter({ spread }: LaneState, through: number): void {
  if (spread === undefined) return
  spread.purged = through
  spread.unpurged = spread.ledger.settledAbove
}
