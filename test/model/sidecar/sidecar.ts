import { hierarchyOf, type QueueSpec } from '../../../crds/index.ts'
import { queueSubject } from '../../../crds/protocol/subjects.ts'
import { COUNT_LAG_MS, LaneFlow } from '../../../sidecar/dispatch/lane-flow.ts'
import { hasGaps, isSpread, isTree, laneSubject, movesToTail } from '../../../sidecar/lanes/lanes.ts'
import { wantedLane } from '../../../sidecar/jetstream/desired.ts'
import { hasNothing, isQuiet, isSurelyDelivered, type LaneState } from '../../../sidecar/queue/lane-state.ts'
import { retryPolicy } from '../../../sidecar/queue/retry-policy.ts'
import { ambiguousAfter, laneFacts, maxWaitMs, wasCounted } from '../../../sidecar/queue/spread.ts'
import { settledPending } from '../../../sidecar/queue/read-lane.ts'
import { isDone, isUnheard } from '../../../sidecar/queue/unheard.ts'
import { wantedLanes } from '../../../sidecar/queue/take-up.ts'
import { type Decision, type DeadLetterReason, settle, unanswered } from '../../../sidecar/settle/settle.ts'
import { parseSignal, type Signal } from '../../../sidecar/settle/signal.ts'
import { attemptsBefore, copyHeader } from '../../../sidecar/settlement/copied-headers.ts'
import { moveId } from '../../../sidecar/settlement/dead-letter.ts'
import { findHole } from '../../../sidecar/settlement/holes.ts'
import { noteOldest } from '../../../sidecar/settlement/may-purge.ts'
import { decodeRecord, encodeRecord, type SettlementRecord } from '../../../sidecar/settlement/record.ts'
import { replay } from '../../../sidecar/settlement/replay.ts'
import { type AckSubject, parseAckSubject } from '../../../sidecar/wire/ack-subject.ts'
import { isLong, parks } from '../../../sidecar/delay/parks.ts'
import type { ModelConsumer, Pull } from '../jetstream/consumer.ts'
import { QUEUE, type World } from '../world.ts'
import { ModelDispatch } from './dispatch.ts'
import { ModelParking } from './parking.ts'
import { Settlements } from './settlements.ts'

/** As the Queue has them. Milliseconds. */
const SWEEP_MS = 1000
const IDLE_LOOK_MS = 10_000
const IDLE_WHEN_CROWDED_MS = 1000
const IDLE_MS = 60_000

/** The sidecar from one start to its end: its pure parts, put together as the edge does, at a server that answers at once. */
export class ModelSidecar {
  lanes: LaneState[] = []
  readonly #world: World
  readonly #spec: QueueSpec
  readonly #policy: ReturnType<typeof retryPolicy>
  readonly #settlements: Settlements
  readonly #parking: ModelParking
  readonly #paths = new Set<string>()
  readonly #timers: Array<{ readonly at: number; readonly run: () => void }> = []
  #dispatch: ModelDispatch | undefined
  #crowded = false
  #sweepAt: number
  #swept = Number.NEGATIVE_INFINITY
  #touched = 0
  #last = 0

  constructor(world: World) {
    this.#world = world
    this.#spec = world.spec
    this.#policy = retryPolicy(world.spec)
    this.#sweepAt = world.now + SWEEP_MS
    this.#settlements = new Settlements({
      world,
      lanes: () => this.lanes,
      visibilityTimeoutMs: this.#policy.visibilityTimeoutMs,
      coveredThrough: () => this.#coveredThrough(),
      nearLimit: world.options.nearLimit,
      onQuiet: () => {
        if (hasGaps(this.#spec) && this.lanes.every(hasNothing)) this.#sweep()
      },
      onReleased: () => this.#dispatch?.serve(),
    })
    this.#parking = new ModelParking(world)
    this.#parking.recover()
    this.#adopt()
    this.resume()
    this.#settleParked()
  }

  get nextAt(): number {
    const timers = this.#timers.reduce((next, { at }) => Math.min(next, at), this.#sweepAt)
    return Math.min(
      timers,
      this.#parking.nextAt,
      this.#settlements.nextAt,
      this.#dispatch?.nextAt ?? Number.POSITIVE_INFINITY,
    )
  }

  advance(): void {
    const { now } = this.#world
    if (!this.#parking.move(({ sequence, subject }, attempts) => this.#returned(sequence, subject, attempts)))
      return this.#world.died()
    this.#settlements.advance()
    this.#dispatch?.advance()
    for (const timer of this.#timers.filter(({ at }) => at <= now)) {
      this.#timers.splice(this.#timers.indexOf(timer), 1)
      timer.run()
    }
    if (this.#sweepAt > now) return
    this.#sweepAt = now + SWEEP_MS
    const hints = this.#world.takeHints()
    for (const { consumer, sequence, attempts } of hints) this.#givenUp(consumer, sequence, attempts)
    const isIdle = this.#touched + COUNT_LAG_MS < this.#swept && this.lanes.every(isQuiet)
    if (!isIdle || now - this.#swept >= IDLE_LOOK_MS) this.#sweep()
  }

  pull(pull: Pull): void {
    this.#touched = this.#world.now
    if (isSpread(this.#spec)) this.#dispatch?.pull(pull)
    else this.#consumer(this.lanes[0])?.request(pull, pull.batch, pull.expiresAt, pull.noWait)
  }

  stored(subject: string, sequence: number): void {
    if (!isSpread(this.#spec)) return
    this.#touched = this.#world.now
    const state = this.#laneOf(subject)
    if (state === undefined && isTree(this.#spec)) this.#appeared(subject)
    if (state?.spread !== undefined && wasCounted(state.spread, () => sequence)) return
    state?.spread?.flow?.stored(this.#world.now)
    this.#dispatch?.serve()
  }

  /** What a client publishes on an acknowledgement subject. */
  answer(subject: string, body: Uint8Array, told: boolean): void {
    const ack = parseAckSubject(subject)
    const lane = this.lanes.find(({ consumer }) => consumer === ack?.consumer)
    if (ack === undefined || lane === undefined) return
    const { streamSequence: sequence } = ack
    this.#touched = this.#world.now
    if (isSurelyDelivered(lane, ack)) lane.ledger.sawDelivered(sequence)
    const signal = parseSignal(body)
    const isEnding = signal.kind !== 'ack' && this.#settlements.isEnding(lane, sequence)
    if (isEnding || lane.ledger.isSettled(sequence) || lane.moving.has(sequence)) return this.#answered(lane, ack)
    if (movesToTail(this.#spec) && (signal.kind === 'nak' || signal.kind === 'term')) {
      if (!this.#isDelivered(lane, sequence)) return
      this.#answered(lane, ack)
      return this.#failed(lane, sequence, signal)
    }
    const decision = settle(signal, ack.delivered, this.#policy, 0.5)
    const mayBeParked = this.#world.delayed.isUsed || (decision.kind === 'retry' && isLong(decision.delayMs))
    if (signal.kind === 'nak' && mayBeParked && parks(this.#spec)) return this.#givenBack(lane, ack, signal, told)
    if (decision.kind !== 'acknowledge' && !this.#isDelivered(lane, sequence)) return
    this.#carryOut(lane, ack, decision, told)
  }

  /** The server was away: what it knows is looked at anew. */
  resume(): void {
    this.#touched = this.#world.now
    for (const state of this.lanes) this.#ensureLane(state, true)
    for (const { spread, ledger } of this.lanes) {
      const isLeft = isTree(this.#spec) && ledger.floor >= this.#world.stream.first
      if (spread !== undefined && isLeft) spread.unpurged = Math.max(1, spread.unpurged)
    }
    this.#makeDispatch(undefined)
    this.#settlements.letGo()
    this.#look()
  }

  /** Ends in good order. */
  stop(): void {
    this.#settlements.record()
    this.#settlements.purge()
    const { stream, log } = this.#world
    const snapshot = this.#settlements.snapshot()
    const lanes = Object.entries(snapshot.lanes).map(([consumer, settlements]) => {
      const info = stream.consumers.get(consumer)?.info
      const isBlind = this.lanes.find((lane) => lane.consumer === consumer)?.spread?.ledger.isBlind ?? true
      const deliveries = isBlind || info === undefined ? {} : { deliveries: info.delivered.consumer_seq }
      return [consumer, { ...settlements, ...deliveries }] as const
    })
    log.splice(0, log.length, encodeRecord({ ...snapshot, lanes: Object.fromEntries(lanes) }))
  }

  /** kill -9 just after a record was stored. */
  crashAfterRecord(): void {
    this.#settlements.record({ crash: true })
  }

  #adopt(): void {
    this.#touched = this.#world.now
    const { stream, log, created } = this.#world
    if (isTree(this.#spec)) this.#findSubQueues()
    const records = log
      .map((text) => decodeRecord(text))
      .filter((record): record is SettlementRecord => record?.stream === created)
    const states = this.#wanted()
    const named = replay(records, new Map(states.map(({ consumer, ledger }) => [consumer, ledger])))
    for (const { consumer, ledger, spread } of states) {
      if (spread !== undefined) spread.stoppedAt = named.get(consumer)
      if (named.has(consumer)) ledger.forgetAbove(stream.last)
      else ledger.droppedBelow(stream.first)
    }
    this.lanes = states
    const wasStopped = [...named.values()].some((deliveries) => deliveries !== undefined)
    if (records.length > 1 || wasStopped) log.splice(0, log.length, encodeRecord(this.#settlements.snapshot()))
  }

  #findSubQueues(): void {
    const { stream } = this.#world
    const waiting = new Set(Array.from(stream.messages.values(), ({ subject }) => pathOf(subject)))
    for (const { consumer, lane } of this.#wanted(waiting))
      if (stream.consumers.has(consumer)) this.#announce(lane.path ?? '')
    this.#lookForPaths()
    const wanted = new Set(this.#wanted().map(({ consumer }) => consumer))
    for (const name of stream.consumers.keys()) if (!wanted.has(name)) stream.consumers.delete(name)
  }

  #lookForPaths(): void {
    for (const { subject } of this.#world.stream.messages.values()) this.#announce(pathOf(subject))
  }

  #coveredThrough(): number {
    if (!isTree(this.#spec)) return Number.POSITIVE_INFINITY
    const { stream } = this.#world
    const isComplete = this.#wanted().every(({ consumer }) => this.lanes.some((lane) => lane.consumer === consumer))
    const isKnown = [...stream.messages.values()].every(({ subject }) => this.#paths.has(pathOf(subject)))
    return isComplete && isKnown ? stream.last : 0
  }

  #announce(path: string): void {
    if (this.#paths.has(path)) return
    if (this.#paths.size >= hierarchyOf(this.#spec).maxSubQueues) this.#crowded = true
    else this.#paths.add(path)
  }

  #appeared(subject: string): void {
    this.#announce(pathOf(subject))
    this.#addSubQueues()
  }

  #addSubQueues(): void {
    const { stream, now } = this.#world
    const known = new Set(this.lanes.map(({ consumer }) => consumer))
    for (const state of this.#wanted().filter(({ consumer }) => !known.has(consumer))) {
      const first = stream.nextOf(state.lane.filterSubject, 1)
      state.spread?.ledger.begin((first?.seq ?? 1) - 1)
      if (state.spread !== undefined) state.spread.countedThrough = stream.last
      this.#ensureLane(state, false)
      this.lanes = [...this.lanes, state]
      const consumer = this.#consumer(state)
      const { flow } = state.spread ?? {}
      if (consumer !== undefined) flow?.correct(laneFacts(state, consumer.info), flow.version, now)
    }
    this.#makeDispatch(this.#dispatch)
  }

  #wanted(paths: ReadonlySet<string> = this.#paths): LaneState[] {
    return wantedLanes({ name: QUEUE, spec: this.#spec, paths: new Set(paths) })
  }

  #ensureLane(state: LaneState, resume: boolean): void {
    const { stream, now } = this.#world
    const { ledger, spread } = state
    const { consumer, created } = stream.ensure(wantedLane(state.group, state.lane, this.#spec), ledger.floor + 1)
    const { delivered, num_pending: pending } = consumer.info
    ledger.resetDelivered(delivered.stream_seq)
    if (spread === undefined)
      for (let s = Math.max(stream.first, ledger.delivered + 1); s <= ledger.floor; s++) stream.delete(s)
    for (const [from, to] of ledger.ranges())
      for (let s = Math.max(from, ledger.delivered + 1); s <= to; s++) stream.delete(s)
    if (spread === undefined || !(resume || created)) return
    const isFirst = created && spread.ledger.accounted + spread.ledger.ahead === 0
    const isIntact = spread.stoppedAt !== undefined && delivered.consumer_seq >= spread.stoppedAt
    const ambiguous = isFirst || isIntact ? 0 : ambiguousAfter(spread, consumer.info)
    delete spread.stoppedAt
    spread.ledger.restart(delivered.consumer_seq)
    if (resume) this.#findRecorded(state, consumer)
    this.#adoptLane(state, consumer, ambiguous)
    if (!isSpread(this.#spec)) return
    const maxWait = maxWaitMs(this.#spec)
    const next = stream.nextOf(state.lane.filterSubject, ledger.delivered + 1)
    const oldest = Number.isFinite(maxWait) && pending > 0 ? (next?.at ?? now) : now
    const { visibilityTimeoutMs } = this.#policy
    const options = { maxAckPending: state.lane.maxAckPending, visibilityTimeoutMs, maxWaitMs: maxWait }
    spread.flow = new LaneFlow(options, laneFacts(state, consumer.info), now, oldest)
  }

  #findRecorded({ ledger, lane, unacked }: LaneState, consumer: ModelConsumer): void {
    const { stream } = this.#world
    const { delivered, ack_floor } = consumer.info
    const after = Math.min(ledger.floor, delivered.stream_seq, ack_floor.stream_seq)
    for (const sequence of stream.list(lane.filterSubject, after, Math.max(ledger.floor, delivered.stream_seq))) {
      if (!ledger.isSettled(sequence)) continue
      if (sequence <= delivered.stream_seq) unacked.add(sequence)
      else stream.delete(sequence)
    }
  }

  #adoptLane({ spread, lane }: LaneState, consumer: ModelConsumer, ambiguous: number): void {
    if (spread === undefined) return
    const { consumer_seq: deliveries, stream_seq: through } = consumer.info.delivered
    const present = this.#world.stream.list(lane.filterSubject, spread.ledger.floor, through)
    spread.ledger.adopt(deliveries, through, present, ambiguous)
  }

  #makeDispatch(before: ModelDispatch | undefined): void {
    if (!isSpread(this.#spec)) return
    this.#dispatch = new ModelDispatch(this.#world, this.lanes)
    this.#dispatch.takeOver(before)
  }

  #consumer(state: LaneState | undefined): ModelConsumer | undefined {
    return this.#world.stream.consumers.get(state?.consumer ?? '')
  }

  #look(): void {
    const { stream, now } = this.#world
    for (const state of this.lanes) {
      const consumer = this.#consumer(state)
      if (consumer !== undefined) state.ledger.sawDelivered(consumer.info.delivered.stream_seq)
      noteOldest(state, now)
      state.ledger.droppedBelow(stream.first)
    }
    this.#last = stream.last
  }

  #sweep(): void {
    const { now } = this.#world
    this.#swept = now
    // Somebody may have asked for the state just before, so that what the last look saw is as new as it can be.
    this.#look()
    const before = this.#last
    for (const { alive, delayed, ledger } of this.lanes) {
      for (const [sequence, until] of delayed) if (until < now || ledger.isSettled(sequence)) delayed.delete(sequence)
      for (const [sequence, until] of alive) if (until < now || ledger.isSettled(sequence)) alive.delete(sequence)
    }
    this.#look()
    for (const state of this.lanes) this.#lookAfter(state, before)
    this.#dispatch?.serve()
    for (const state of this.lanes) {
      const info = this.#consumer(state)?.info
      if (info === undefined) continue
      const { visibilityTimeoutMs } = this.#policy
      const hole = findHole(state, info.num_ack_pending, info.delivered.stream_seq, visibilityTimeoutMs, now)
      if (hole !== undefined) this.#endUnanswered(state, hole, this.#policy.maxAttempts)
    }
    this.#settlements.floorsRaised()
    this.#settlements.purgeLanes(isTree(this.#spec) ? 1 : undefined)
    if (isTree(this.#spec)) this.#tendSubQueues()
  }

  #lookAfter(state: LaneState, last: number): void {
    const consumer = this.#consumer(state)
    const { spread } = state
    if (spread === undefined || consumer === undefined) return
    const { ledger, flow } = spread
    const { info } = consumer
    flow?.correct(laneFacts(state, info), flow.version, this.#world.now)
    if (isUnheard(spread, info)) this.#adoptLane(state, consumer, 0)
    spread.accounted = ledger.accounted
    if (!isDone(ledger, info, settledPending(state.unacked, info))) return
    ledger.nothingThrough(Math.min(last, info.delivered.stream_seq))
    const next = this.#world.stream.nextOf(state.lane.filterSubject, ledger.floor + 1)
    ledger.nothingThrough(next === undefined ? last : Math.min(last, next.seq - 1))
  }

  #tendSubQueues(): void {
    const { now, stream } = this.#world
    const gone = this.lanes.filter((state) => {
      const { spread } = state
      const info = this.#consumer(state)?.info
      if (spread === undefined || info === undefined) return false
      const isEmpty = info.num_pending === 0 && info.num_ack_pending === 0 && spread.unpurged === 0
      const isQuietNow = isEmpty && spread.ledger.unrecorded + spread.ledger.ahead === 0
      const version = spread.flow?.version ?? 0
      if (!isQuietNow || spread.quiet.version !== version) {
        spread.quiet = { version: isQuietNow ? version : -1, since: now }
      }
      const isLongEnough = now - spread.quiet.since >= (this.#crowded ? IDLE_WHEN_CROWDED_MS : IDLE_MS)
      return isQuietNow && isLongEnough && stream.nextOf(state.lane.filterSubject, 1) === undefined
    })
    if (gone.length > 0) {
      for (const { lane, consumer } of gone) {
        this.#paths.delete(lane.path ?? '')
        stream.consumers.delete(consumer)
      }
      this.lanes = this.lanes.filter((state) => !gone.includes(state))
      this.#makeDispatch(this.#dispatch)
    }
    this.#crowded = false
    this.#lookForPaths()
    this.#addSubQueues()
  }

  #givenUp(consumer: string, sequence: number, attempts: number): void {
    const lane = this.lanes.find((state) => state.consumer === consumer)
    if (lane === undefined || lane.ledger.isSettled(sequence) || lane.moving.has(sequence)) return
    if (sequence > lane.ledger.delivered) this.#look()
    if (sequence > lane.ledger.delivered) return
    this.#endUnanswered(lane, sequence, attempts)
  }

  #endUnanswered(lane: LaneState, sequence: number, attempts: number): void {
    if (this.#settlements.isEnding(lane, sequence)) return
    if (movesToTail(this.#spec)) this.#failed(lane, sequence, 'timeout')
    else this.#move(lane, sequence, 'timeout', attempts)
  }

  #carryOut(lane: LaneState, ack: AckSubject, decision: Decision, told: boolean): void {
    const { now } = this.#world
    const { streamSequence: sequence, consumerSequence: number } = ack
    const { flow, ledger } = lane.spread ?? {}
    let late = false
    switch (decision.kind) {
      case 'acknowledge':
        late = flow !== undefined && flow.timeLeft(number, now) < this.#policy.visibilityTimeoutMs / 2
        late ||= lane.delayed.has(sequence)
        flow?.answered(number, now)
        this.#settlements.settle(lane, sequence, 'acknowledged', { told, delivery: number, late })
        break
      case 'retry':
        this.#keepAlive(lane, sequence, decision.delayMs)
        lane.delayed.set(sequence, now + decision.delayMs)
        this.#consumer(lane)?.giveBack(sequence, number, decision.delayMs)
        ledger?.answer(number, sequence)
        flow?.retried(number, decision.delayMs, now)
        this.#dispatch?.serve()
        break
      case 'extend':
        this.#keepAlive(lane, sequence, 0)
        this.#consumer(lane)?.extend(sequence)
        flow?.extended(number, now)
        break
      case 'deadLetter':
        this.#answered(lane, ack)
        this.#move(lane, sequence, decision.reason, ack.delivered)
        break
      case 'refuse':
        break
      default:
        decision satisfies never
    }
  }

  #givenBack(lane: LaneState, ack: AckSubject, signal: Signal, told: boolean): void {
    const { streamSequence: sequence, delivered } = ack
    if (!this.#isDelivered(lane, sequence)) return
    const message = this.#world.stream.messages.get(sequence)
    const decision = message === undefined ? 'gone' : this.#parking.givenBack(message, signal, delivered, this.#policy)
    if (decision === 'died') return this.#world.died()
    if (typeof decision !== 'string') return this.#carryOut(lane, ack, decision, told)
    lane.moving.add(sequence)
    this.#answered(lane, ack)
    this.#settlements.settle(lane, sequence, decision === 'gone' ? 'dropped' : 'moved', { told, late: true })
  }

  /** What was parked before a crash, and is not on record as moved. */
  #settleParked(): void {
    for (const { sequence, subject } of this.#parking.parked) {
      const lane = this.#laneOf(subject)
      if (lane === undefined || lane.ledger.isSettled(sequence)) continue
      lane.moving.add(sequence)
      if (!movesToTail(this.#spec)) this.#settlements.settle(lane, sequence, 'moved', { late: true })
    }
  }

  /** A message that stayed in the stream has waited out its backoff. */
  #returned(sequence: number, subject: string, attempts: number): void {
    const lane = this.#laneOf(subject)
    if (lane === undefined) return
    if (lane.ledger.isSettled(sequence)) lane.moving.delete(sequence)
    else this.#toTail(lane, sequence, attempts)
  }

  #laneOf(subject: string): LaneState | undefined {
    const own = laneSubject(QUEUE, this.#spec, subject)
    return this.lanes.find(({ lane }) => lane.filterSubject === own)
  }

  #answered({ spread }: LaneState, { consumerSequence, streamSequence }: AckSubject): void {
    spread?.ledger.answer(consumerSequence, streamSequence)
    spread?.flow?.answered(consumerSequence, this.#world.now)
    this.#dispatch?.serve()
  }

  #isDelivered(lane: LaneState, sequence: number): boolean {
    if (sequence <= lane.ledger.delivered) return true
    lane.ledger.sawDelivered(this.#consumer(lane)?.info.delivered.stream_seq ?? 0)
    return sequence <= lane.ledger.delivered
  }

  #keepAlive(lane: LaneState, sequence: number, delayMs: number): void {
    lane.alive.set(sequence, this.#world.now + delayMs + this.#policy.visibilityTimeoutMs)
  }

  #move(lane: LaneState, sequence: number, reason: DeadLetterReason, attempts: number): void {
    if (lane.moving.has(sequence)) return
    lane.moving.add(sequence)
    const { stream, created } = this.#world
    const message = stream.messages.get(sequence)
    if (message !== undefined) {
      const id = moveId({ queue: QUEUE, group: lane.group, created, sequence, publishedAt: new Date(0) })
      this.#world.deadLetter(message, reason, attemptsBefore(message.headers) + attempts, id)
    }
    this.#settlements.settle(lane, sequence, message === undefined ? 'dropped' : 'deadLettered', { late: true })
  }

  #failed(lane: LaneState, sequence: number, signal: Signal | 'timeout'): void {
    const { stream, now } = this.#world
    if (lane.moving.has(sequence)) return
    lane.moving.add(sequence)
    const message = stream.messages.get(sequence)
    if (message === undefined) return this.#settlements.settle(lane, sequence, 'dropped')
    const attempts = attemptsBefore(message.headers) + 1
    const decision =
      signal === 'timeout' ? unanswered(attempts, this.#policy) : settle(signal, attempts, this.#policy, 0.5)
    if (decision.kind === 'deadLetter') {
      lane.moving.delete(sequence)
      return this.#move(lane, sequence, decision.reason, 1)
    }
    const delayMs = decision.kind === 'retry' ? decision.delayMs : 0
    if (isLong(delayMs) && this.#parking.park(message, attempts, delayMs)) return
    this.#timers.push({ at: now + delayMs, run: () => this.#toTail(lane, sequence, attempts) })
  }

  #toTail(lane: LaneState, sequence: number, attempts: number): void {
    const { stream, created } = this.#world
    const message = stream.messages.get(sequence)
    const headers = [[copyHeader.attempts, String(attempts)]] as const
    const isGone =
      message === undefined || stream.replace(message, headers, `tail:${created}:${sequence}`) === 'refused'
    this.#settlements.settle(lane, sequence, isGone ? 'dropped' : 'moved')
  }
}

const pathOf = (subject: string): string => subject.slice(queueSubject(QUEUE).length + 1)
