import type { StreamState } from '@nats-io/jetstream'
import type { Msg } from '@nats-io/transport-node'
import type { Logger } from 'pino'
import { parseQuantity, type QueueSpec } from '../../crds/index.ts'
import type { Correction, DeletePolicy, QueueObservation } from '../../crds/protocol/api.ts'
import type { QueueLedger } from '../../crds/protocol/ledger.ts'
import { queueStream, queueSubject } from '../../crds/protocol/subjects.ts'
import { COUNT_LAG_MS } from '../dispatch/lane-flow.ts'
import { Delayed } from '../delay/delayed.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { Mutex } from '../mutex.ts'
import { forgetActive } from '../exclusive/active-store.ts'
import { giveBack } from '../exclusive/give-back.ts'
import { isMissing } from '../jetstream/ensure.ts'
import { SharedBatches } from '../jetstream/shared-batches.ts'
import type { QueueMetrics } from '../metrics/queue-metrics.ts'
import { hasGaps, isSpread, isTree, laneSubject, movesToTail } from '../lanes/lanes.ts'
import { findHole } from '../settlement/holes.ts'
import { SettlementLog } from '../settlement/log.ts'
import { noteOldest } from '../settlement/may-purge.ts'
import { Settler } from '../settlement/settler.ts'
import type { AckMessage } from '../wire/ack-frames.ts'
import type { AckSubject } from '../wire/ack-subject.ts'
import { askTogether } from './ask-together.ts'
import { Balance, whenQuiet } from './balance.ts'
import { deadLetterExpired } from './expiry.ts'
import { endDeleted } from './end-deleted.ts'
import { answerInfo } from './group-info.ts'
import { HeldAcks } from './held-acks.ts'
import { HeldPulls } from './held-pulls.ts'
import { Holds } from './holds.ts'
import { joinWaiting } from './join-waiting.ts'
import { hasNothing, isQuiet, type LaneState } from './lane-state.ts'
import { isNearLimit, messageCounts, type Observation, observeQueue, oldestAge } from './observe.ts'
import { type Hands, hands } from './operate.ts'
import { deadLetterOverflow } from './overflow.ts'
import { answerNoResponders, passOnPull, withEnd } from './pull.ts'
import { removeQueue } from './remove.ts'
import { retryPolicy } from './retry-policy.ts'
import { Signals } from './signals.ts'
import { lookAfterLanes, wasCounted } from './spread.ts'
import { addSubQueues, announce, coveredThrough, tendSubQueues } from './sub-queues.ts'
import type { QueueState } from './state.ts'
import { takeUp } from './take-up.ts'

/** The last purges of what was busy take place while it is looked; more of them than this leave the rest to the next sweep. */
const LOOKS_WHEN_QUIET = 3
/** A Queue that nobody consumes from is looked at this often. Milliseconds. */
const IDLE_LOOK_MS = 10_000

/** One Queue at run time: its streams and lanes, its settlements, and what clients ask of it. */
export class Queue {
  readonly name: string
  readonly #q: QueueState
  readonly #signals: Signals
  /** What waits for its time. */
  readonly delayed: Delayed
  readonly #balance: Balance
  /** For copies that are on their way into the Queue. */
  readonly holds: Holds
  /** For what transactions put into the Queue. */
  readonly sends: SharedBatches
  /** What the stream holds. */
  readonly streamState: () => Promise<StreamState>
  /** For pulls that come while nats-server is lost, until what it came back with is taken up. */
  readonly #heldPulls = new HeldPulls()
  #isLost = false
  /** How often it was lost. */
  #losses = 0
  /** What transactions acknowledge that are not decided. */
  readonly heldAcks: HeldAcks
  #generation: number
  #corrected: Correction[] = []
  #touched = 0
  #adding = false
  #deadLettered = 0
  /** The stream's last sequence when it was looked at last. */
  #last = 0
  /** As many single messages were deleted from the stream when it was looked at last. */
  #deleted = 0
  #swept = Number.NEGATIVE_INFINITY
  /** One at a time: two of them at once could each create what the other finds half made. */
  readonly #serial = new Mutex()
  readonly #sweepSoon = joinWaiting(
    (work) => this.#serial.run(work),
    () => this.#lookForMissed(),
  )

  constructor(
    js: JetStreamAccess,
    name: string,
    spec: QueueSpec,
    generation: number,
    logger: Logger,
    metrics: QueueMetrics,
  ) {
    this.name = name
    this.#generation = generation
    const log = new SettlementLog(js, name)
    const queueLogger = logger.child({ queue: name })
    const streamLock = new Mutex()
    const settler = new Settler({
      js,
      stream: queueStream(name),
      log,
      logger: queueLogger,
      metrics,
      lanes: () => this.#q.lanes,
      accounts: () => this.#q.accounts,
      holdsAbove: () => this.#q.holdsAbove,
      created: () => this.#q.created,
      purges: () => this.#q.spec.retention.until === 'Acknowledged',
      coveredThrough: () => coveredThrough(this.#q),
      passesOn: () => this.#q.spec.retention.until === 'Expired',
      nearLimit: () => this.#q.nearLimit,
      isAwaited: () => this.#q.lanes[0]?.lane.maxAckPending === 1,
      onQuiet: () => this.#tidyUp(),
      exclusively: (work) => streamLock.run(work),
      visibilityTimeoutMs: () => retryPolicy(this.#q.spec).visibilityTimeoutMs,
    })
    this.#q = {
      js,
      name,
      logger: queueLogger,
      metrics,
      log,
      settler,
      streamLock,
      returned: (sequence, subject, attempts) => this.#signals.returned(sequence, subject, attempts),
      laneOf: (subject) => this.#q.lanesBySubject.get(laneSubject(name, this.#q.spec, subject))?.[0],
      pull: (group, body, reply) => this.#pull(group, body, reply),
      dispatchers: new Map(),
      active: new Map(),
      giveBack: (group) => this.#giveBack(group),
      spec,
      lanes: [],
      lanesBySubject: new Map(),
      paths: new Set(),
      crowded: false,
      accounts: new Map(),
      lostEnd: undefined,
      rebases: false,
      holdsAbove: Number.POSITIVE_INFINITY,
      comesAgain: false,
      created: '',
      createdAt: 0,
      nearLimit: true,
    }
    this.delayed = new Delayed(this.#q)
    this.#signals = new Signals(this.#q, this.delayed)
    this.#balance = new Balance(this.#q)
    this.streamState = askTogether(async () => (await js.manager.streams.info(queueStream(name))).state)
    this.holds = new Holds(this.#q, this.streamState)
    this.sends = new SharedBatches(js)
    this.heldAcks = new HeldAcks(this.#q, this.#signals)
  }

  get spec(): QueueSpec {
    return this.#q.spec
  }

  /** Dead letters that there were when it was looked last. */
  get deadLettered(): number {
    return this.#deadLettered
  }

  get generation(): number {
    return this.#generation
  }

  /** When the Queue's stream was created: another time is another Queue of its name. */
  get created(): string {
    return this.#q.created
  }

  /** Whether every group that delivers a message has it on record; not of a log, which is kept. */
  hasEnded(stored: string, sequence: number): boolean {
    const { lanesBySubject, spec } = this.#q
    const lanes = lanesBySubject.get(laneSubject(this.name, spec, stored)) ?? []
    const isKept = spec.retention.until === 'Expired' || lanes.length === 0
    return !isKept && lanes.every(({ ledger }) => ledger.isSettled(sequence))
  }

  /** Makes the broker's streams and lanes as declared, and takes up what is on record. Also after a reconnect. */
  start(): Promise<void> {
    return this.#serial.run(async () => {
      // What was stored just now may not be counted yet, so lanes are looked at once more soon.
      this.#touched = performance.now()
      const losses = this.#losses
      this.#q.comesAgain = false
      await this.#correct({ resume: true })
      await this.#q.settler.recorded()
      await this.#q.settler.purger.letGo()
      await this.#look()
      if (this.#q.comesAgain) this.#isLost = true
      else if (losses === this.#losses) this.#takeHeldPulls()
    })
  }

  /**
   * nats-server is gone, and may come back with less than it knew: with messages to be delivered again that are on record. Nothing
   * is handed out before the next `start` has let go of them.
   */
  lost(): void {
    this.#losses++
    this.#isLost = true
    for (const dispatcher of this.#q.dispatchers.values()) dispatcher.paused = true
  }

  #takeHeldPulls(): void {
    this.#isLost = false
    for (const { group, body, reply } of this.#heldPulls.take(performance.now())) this.#pull(group, body, reply)
  }

  /** A new spec, or the same one again: then what differs is drift, which is put right and told. */
  apply(spec: QueueSpec, generation: number): Promise<QueueObservation> {
    return this.#serial.run(async () => {
      if (JSON.stringify(spec) === JSON.stringify(this.#q.spec)) await this.#correct({ resume: false })
      else await this.#change(spec)
      this.#generation = generation
      const observation = await this.#report()
      this.#corrected = []
      return observation
    })
  }

  observe(): Promise<QueueObservation> {
    return this.#serial.run(async () => {
      try {
        return await this.#report()
      } catch (error) {
        if (!isMissing(error)) throw error
        await this.#correct({ resume: false })
        return this.#report()
      }
    })
  }

  /** What became of every message; where something is on its way, it is waited for, for a moment. */
  ledger(): Promise<QueueLedger> {
    return whenQuiet(async () => {
      await this.#q.settler.flush()
      return this.#serial.run(async () => {
        const observation = await this.#look()
        return this.#balance.ledger(observation, messageCounts(observation).delayed)
      })
    })
  }

  /** Does something to the messages that wait, while nothing else is done to the Queue. */
  operate<T>(work: (hands: Hands) => Promise<T>): Promise<T> {
    return this.#serial.run(async () => {
      await this.#look()
      return work(hands(this.#q))
    })
  }

  /** Ends the Queue in the broker, as far as its deletion policy lets it. Throws SidecarError QueueNotEmpty. */
  remove(policy: DeletePolicy): Promise<void> {
    return this.#serial.run(async () => {
      const { js, settler, metrics, spec, dispatchers, active } = this.#q
      await this.delayed.stop()
      await settler.flush()
      try {
        await removeQueue(js, this.name, spec, policy, async () => messageCounts(await this.#look()))
      } catch (error) {
        await this.delayed.resume()
        throw error
      }
      settler.abandon()
      this.#signals.stop()
      for (const dispatcher of dispatchers.values()) dispatcher.stop()
      for (const consumer of active.values()) consumer.stop()
      await forgetActive(js, this.name)
      metrics.remove(spec.consumerGroups.map(({ name }) => name))
    })
  }

  stop(): Promise<void> {
    for (const dispatcher of this.#q.dispatchers.values()) dispatcher.stop()
    for (const consumer of this.#q.active.values()) consumer.stop()
    this.#signals.stop()
    return this.#serial.run(async () => {
      await this.delayed.stop()
      await this.#q.settler.stop()
    })
  }

  /** Looks for what no signal told of: limits that removed messages, holes, a stream changed by hand. Called every second. */
  sweep(now: number): Promise<void> {
    // What kept it from starting may be over.
    if (this.#q.comesAgain) return this.start()
    const { onExpiry, onLimit } = this.#q.spec.retention
    const watched = onExpiry === 'DeadLetter' || onLimit === 'DeadLetterOldest'
    const idle = !watched && this.#touched + COUNT_LAG_MS < this.#swept && this.#q.lanes.every(isQuiet)
    if (idle && now - this.#swept < IDLE_LOOK_MS) return Promise.resolve()
    this.#swept = now
    return this.#sweepSoon()
  }

  async #lookForMissed(): Promise<void> {
    const now = performance.now()
    this.#signals.forget(now)
    try {
      const before = this.#last
      const observation = await this.#look()
      await lookAfterLanes(this.#q, observation, before)
      for (const { state, info } of observation.lanes) {
        await this.#endHole(state, info.num_ack_pending, info.delivered.stream_seq, now)
      }
      this.#q.settler.purger.floorsRaised()
      await this.#q.settler.purger.purgeLanes(isTree(this.#q.spec) ? 1 : undefined)
      await deadLetterExpired(this.#q, observation, Date.now())
      await deadLetterOverflow(this.#q, observation)
      if (isTree(this.#q.spec)) await tendSubQueues(this.#q, observation)
    } catch (error) {
      if (!isMissing(error)) throw error
      await this.#correct({ resume: false })
    }
  }

  handlePull(group: string, message: Msg): void {
    this.#touched = performance.now()
    const { spec, metrics, pull } = this.#q
    if (!spec.consumerGroups.some(({ name }) => name === group)) return answerNoResponders(message)
    metrics.pull(group)
    pull(group, message.data, message.reply ?? '')
  }

  /** A message was stored; `subject` is what it is stored as, `sequence` reads its number. */
  handleStored(subject: string, sequence: () => number): void {
    const { lanesBySubject, spec } = this.#q
    if (!isSpread(spec)) return
    this.#touched = performance.now()
    const lanes = lanesBySubject.get(laneSubject(this.name, spec, subject))
    if (lanes === undefined && isTree(spec)) return this.#appeared(subject)
    for (const { spread } of lanes ?? []) {
      if (spread !== undefined && wasCounted(spread, sequence)) continue
      spread?.flow?.stored(this.#touched)
      spread?.changed()
    }
  }

  handleInfo(group: string, message: Msg): Promise<void> {
    return answerInfo(this.#q, group, message)
  }

  handleAck(ack: AckSubject, message: AckMessage): void {
    this.#touched = performance.now()
    this.#signals.handle(ack, message)
  }

  /** JetStream gave a message up after its last delivery: a hint, which may come late, twice or not at all. */
  async handleGivenUp(consumer: string, sequence: number, attempts: number): Promise<void> {
    const lane = this.#q.lanes.find((lane) => lane.consumer === consumer)
    if (lane === undefined || lane.ledger.isSettled(sequence) || lane.moving.has(sequence)) return
    // A hint may speak of a message of an earlier stream of this name, whose number is not reached yet.
    if (sequence > lane.ledger.delivered) await this.#look()
    if (sequence > lane.ledger.delivered) return
    await this.#endUnanswered(lane, sequence, attempts)
  }

  /** Nobody answered the last delivery that JetStream makes of a message. */
  async #endUnanswered(lane: LaneState, sequence: number, attempts: number): Promise<void> {
    // Answered in time after all, and not on record yet.
    if (this.#q.settler.isEnding(lane, sequence)) return
    if (movesToTail(this.#q.spec)) await this.#signals.failed(lane, sequence, 'timeout')
    else await this.#signals.move(lane, { group: lane.group, sequence, reason: 'timeout', attempts })
  }

  #giveBack(group: string): Promise<void> {
    const failed = (lane: LaneState, sequence: number): Promise<void> => this.#signals.failed(lane, sequence, 'timeout')
    return giveBack(this.#q, group, movesToTail(this.#q.spec) ? failed : undefined)
  }

  /** Lanes that are done would hold back the purge of others until the next sweep. */
  #tidyUp(): void {
    // With messages left to deliver it is a pause, not the end.
    if (!hasGaps(this.#q.spec) || !this.#q.lanes.every(hasNothing)) return
    this.#lookAndPurge().catch((error: unknown) => {
      this.#q.logger.warn({ err: error }, 'could not tidy up; the next sweep does')
    })
  }

  async #lookAndPurge(): Promise<void> {
    const { purger } = this.#q.settler
    for (let look = 1; look <= LOOKS_WHEN_QUIET; look++) {
      const { purgedThrough } = purger
      purger.hurry()
      this.#swept = performance.now()
      await this.#sweepSoon()
      await purger.purging
      // What was seen while a purge was under way does not fit together, and raises no floor.
      if (purger.purgedThrough === purgedThrough) return
    }
  }

  /** A message of a sub-queue that has no lane yet. */
  #appeared(subject: string): void {
    if (!announce(this.#q, subject) || this.#adding) return
    this.#adding = true
    this.#serial
      .run(async () => {
        this.#adding = false
        await addSubQueues(this.#q)
      })
      .catch((error: unknown) => {
        this.#q.logger.warn({ err: error, subject }, 'could not make a lane for a sub-queue; trying again')
      })
  }

  #pull(group: string, data: Uint8Array, reply: string): void {
    if (this.#isLost) return this.#heldPulls.hold(group, data, reply, performance.now())
    const { dispatchers, lanes, js } = this.#q
    const dispatcher = dispatchers.get(group)
    if (dispatcher !== undefined) return dispatcher.pull(data, reply)
    const lane = lanes.find((state) => state.group === group)
    if (lane === undefined) return
    const body = lane.lane.maxAckPending === 1 ? withEnd(data) : data
    passOnPull(js.connection, queueStream(this.name), lane.consumer, { data: body, reply })
  }

  async #endHole(lane: LaneState, pending: number, delivered: number, now: number): Promise<void> {
    const { retry } = this.#q.spec
    const hole = findHole(lane, pending, delivered, retryPolicy(this.#q.spec).visibilityTimeoutMs, now)
    if (hole === undefined) return
    this.#q.logger.warn({ sequence: hole }, 'found a message that was given up without a word')
    this.#q.metrics.repaired('given-up')
    await this.#endUnanswered(lane, hole, retry.maxAttempts)
  }

  async #correct(how: { resume: boolean }): Promise<void> {
    await this.delayed.recover()
    const corrections = [...(await takeUp(this.#q, how)), ...(await this.delayed.takeUp())]
    for (const correction of corrections) this.#q.logger.warn(correction, 'corrected drift')
    this.#q.metrics.drift(corrections.length)
    this.#corrected.push(...corrections)
  }

  async #change(spec: QueueSpec): Promise<void> {
    const previous = this.#q.spec
    this.#q.spec = spec
    try {
      await takeUp(this.#q, { resume: false })
      await this.delayed.takeUp()
    } catch (error) {
      this.#q.spec = previous
      throw error
    }
    // What was kept as a log may have to go now.
    await this.#q.settler.purger.letGo()
  }

  async #look(): Promise<Observation> {
    const { spec, metrics, dispatchers } = this.#q
    const now = performance.now()
    const observation = await observeQueue(this.#q, this.delayed)
    const { state } = observation.stream
    const reason = spec.retention.onLimit === 'DropOldest' ? 'expired-or-evicted' : 'expired'
    for (const { state: lane, info } of observation.lanes) {
      lane.ledger.sawDelivered(info.delivered.stream_seq)
      noteOldest(lane, now)
      const missed = lane.ledger.droppedBelow(state.first_seq)
      metrics.dropped(reason, missed)
      this.#q.accounts.get(lane.group)?.miss(missed)
    }
    const limits = { messages: spec.retention.maxMessages, bytes: parseQuantity(spec.retention.maxBytes) }
    this.#q.nearLimit = isNearLimit(state, limits)
    this.#last = state.last_seq
    this.#deadLettered = observation.deadLetters
    const deleted = state.num_deleted ?? 0
    if (deleted > 0 && deleted !== this.#deleted && !hasGaps(spec) && (await endDeleted(this.#q)))
      this.#deleted = deleted
    await this.#balance.lookForTtl(observation)
    this.#balance.look(observation, Date.now())
    metrics.observed(
      observation,
      { ...limits, paused: spec.paused },
      oldestAge(state, Date.now()),
      (group) => dispatchers.get(group)?.held.length ?? 0,
    )
    return observation
  }

  async #report(): Promise<QueueObservation> {
    return {
      name: this.name,
      generation: this.#generation,
      configured: true,
      subject: queueSubject(this.name),
      messages: messageCounts(await this.#look()),
      corrected: this.#corrected,
    }
  }
}
