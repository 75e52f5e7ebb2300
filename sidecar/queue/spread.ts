import type { ConsumerInfo } from '@nats-io/jetstream'
import { parseDuration, priorityOf, type QueueSpec } from '../../crds/index.ts'
import { queueStream } from '../../crds/protocol/subjects.ts'
import { ensureActiveConsumers } from '../exclusive/ensure.ts'
import { Dispatcher } from '../dispatch/dispatcher.ts'
import { type LaneFacts, LaneFlow } from '../dispatch/lane-flow.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { listSequences } from '../jetstream/list.ts'
import { nextOf } from '../jetstream/stored-message.ts'
import { MAX_IN_FLIGHT } from '../lanes/lane.ts'
import { isSpread } from '../lanes/lanes.ts'
import { chooser } from '../pick/chooser.ts'
import type { LaneState, Spread } from './lane-state.ts'
import type { Observation } from './observe.ts'
import { settledPending } from './read-lane.ts'
import { retryPolicy } from './retry-policy.ts'
import type { QueueState } from './state.ts'
import { isDone, isUnheard, type LaneInfo } from './unheard.ts'

/** A lane that is so far behind the others is looked after: its next message may be far from what it delivered last. */
const BEHIND = 1000

/** What `info` says of a lane's messages; those on record but still pending at JetStream are not in flight. */
export const laneFacts = ({ unacked }: LaneState, info: LaneInfo): LaneFacts => ({
  pending: info.num_pending,
  ackPending: Math.max(0, info.num_ack_pending - settledPending(unacked, info)),
  deliveries: info.delivered.consumer_seq,
})

/** Infinity where the age of a message has no say in the order. */
export function maxWaitMs({ ordering }: QueueSpec): number {
  const maxWait = ordering.mode === 'Priority' ? priorityOf(ordering).maxWait : undefined
  return maxWait === undefined ? Number.POSITIVE_INFINITY : parseDuration(maxWait)
}

/** Begins to count what a lane has to deliver, where pulls are handed out to lanes. */
export async function startFlow(q: QueueState, state: LaneState, info: ConsumerInfo): Promise<void> {
  if (state.spread === undefined || !isSpread(q.spec)) return
  const maxWait = maxWaitMs(q.spec)
  const now = performance.now()
  const oldest = Number.isFinite(maxWait) && info.num_pending > 0 ? await waitingSince(q, state, now) : now
  const { visibilityTimeoutMs } = retryPolicy(q.spec)
  const options = { maxAckPending: state.lane.maxAckPending, visibilityTimeoutMs, maxWaitMs: maxWait }
  state.spread.flow = new LaneFlow(options, laneFacts(state, info), now, oldest)
}

/** Whether a message was counted when its lane was made, which word of it came too late for. */
export function wasCounted(spread: Spread, sequence: () => number): boolean {
  if (spread.countedThrough === undefined) return false
  if (sequence() <= spread.countedThrough) return true
  delete spread.countedThrough
  return false
}

async function waitingSince(q: QueueState, { ledger, lane }: LaneState, now: number): Promise<number> {
  const next = await nextOf(q.js, queueStream(q.name), lane.filterSubject, ledger.delivered + 1)
  return next === undefined ? now : now - Math.max(0, Date.now() - next.time.getTime())
}

/**
 * Finds the lane's messages that are delivered and not settled. After a crash of nats-server, which may have forgotten its last
 * deliveries, their numbers are given again: up to some number they are not believed.
 */
export async function adoptLane(q: QueueState, state: LaneState, info: ConsumerInfo, ambiguous: number): Promise<void> {
  const { spread, lane } = state
  if (spread === undefined) return
  const { consumer_seq: deliveries, stream_seq: through } = info.delivered
  const after = spread.ledger.floor
  const present = await listSequences(q.js, queueStream(q.name), lane.filterSubject, { after, through })
  spread.ledger.adopt(deliveries, through, present, ambiguous)
}

/**
 * On record, but JetStream was not told, or forgot it in a crash: what it delivered is acknowledged with what else is let go of at
 * a start, what it would deliver anew is deleted. To be called before `adoptLane`, which raises the floor past it.
 */
export async function findRecorded(q: QueueState, state: LaneState, info: ConsumerInfo): Promise<void> {
  const { ledger, lane, unacked } = state
  const { stream_seq: delivered } = info.delivered
  // Nothing at or below JetStream's own floor is pending.
  const window = {
    after: Math.min(ledger.floor, delivered, info.ack_floor.stream_seq),
    through: Math.max(ledger.floor, delivered),
  }
  const present = await listSequences(q.js, queueStream(q.name), lane.filterSubject, window)
  for (const sequence of present) {
    if (!ledger.isSettled(sequence)) continue
    if (sequence <= delivered) unacked.add(sequence)
    else if (mayDelete(q)) await deleteRecorded(q, sequence)
  }
}

/** Whether what a lane has on record is not kept for others. */
export const mayDelete = ({ spec }: QueueState): boolean =>
  spec.retention.until === 'Acknowledged' && spec.consumerGroups.length === 1

export const deleteRecorded = (q: QueueState, sequence: number): Promise<void> =>
  q.streamLock.run(async () => {
    if (sequence > q.holdsAbove) {
      q.comesAgain = true
      return
    }
    try {
      await q.js.manager.streams.deleteMessage(queueStream(q.name), sequence, false)
      q.metrics.repaired('recorded')
      q.logger.info({ sequence }, 'removed a message that was on record and would have been delivered again')
    } catch (error) {
      q.logger.debug({ err: error, sequence }, 'a settled message was gone already')
    }
  })

/** Numbers of deliveries that nats-server may give a second time after a crash: more than it makes between two of its flushes. */
export const ambiguousAfter = (spread: Spread, info: LaneInfo): number =>
  Math.max(info.delivered.consumer_seq, spread.ledger.accounted + spread.ledger.ahead) + MAX_IN_FLIGHT

/**
 * Makes who hands out pulls, for each group; keeps the one whose lanes are as they were.
 *
 * @param keepPulls false where nats-server was away: it would have forgotten the pulls, and clients ask again
 */
export function ensureDispatchers(q: QueueState, keepPulls: boolean): void {
  ensureActiveConsumers(q)
  const groups = new Map<string, LaneState[]>()
  if (isSpread(q.spec)) for (const { name } of q.spec.consumerGroups) groups.set(name, [])
  for (const state of q.lanes) groups.get(state.group)?.push(state)
  for (const [group, dispatcher] of q.dispatchers) {
    if (groups.has(group)) continue
    dispatcher.stop()
    q.dispatchers.delete(group)
  }
  for (const [group, states] of groups) {
    const lanes = states.flatMap((state) => {
      const flow = state.spread?.flow
      const facts = (info: ConsumerInfo): LaneFacts => laneFacts(state, info)
      return flow === undefined ? [] : [{ consumer: state.consumer, flow, facts }]
    })
    const current = q.dispatchers.get(group)
    const same =
      current?.lanes.length === lanes.length && current.lanes.every(({ flow }, index) => flow === lanes[index]?.flow)
    if (current !== undefined && same) {
      // It was paused where nats-server was lost.
      current.paused = q.spec.paused
      current.admitted()
      continue
    }
    const own = states.map(({ lane }) => lane)
    const options = {
      lanes,
      chooser: current?.chooser.with?.(q.spec, own) ?? chooser(q.spec, own),
      ages: Number.isFinite(maxWaitMs(q.spec)),
      gate: q.active.get(group),
      paused: q.spec.paused,
    }
    const dispatcher = new Dispatcher(q.js, queueStream(q.name), options)
    for (const [index, { spread }] of states.entries()) {
      if (spread === undefined) continue
      spread.changed = (at) => dispatcher.changed(index, at)
      spread.release = (subject) => dispatcher.release(index, subject)
    }
    q.dispatchers.set(group, dispatcher)
    if (keepPulls) dispatcher.takeOver(current?.handOver() ?? [])
    else current?.stop()
  }
}

/**
 * What JetStream said of the lanes, against what was estimated: corrects it, finds out about deliveries that nobody answered, and
 * lets lanes that have nothing left not hold the others back.
 *
 * @param last the stream's last sequence some time before the lanes were looked at
 */
export async function lookAfterLanes(q: QueueState, { lanes, stream }: Observation, last: number): Promise<void> {
  const now = performance.now()
  for (const { state, info, version } of lanes) {
    const { spread } = state
    if (spread === undefined) continue
    spread.flow?.correct(laneFacts(state, info), version, now)
    await findUnanswered(q, state, info)
    const { ledger } = spread
    if (isDone(ledger, info, settledPending(state.unacked, info))) await raiseFloor(q, state, info, last)
    else if (stream.state.last_seq - ledger.floor > BEHIND) await skipOthers(q.js, q.name, state)
  }
  for (const dispatcher of q.dispatchers.values()) dispatcher.refresh()
}

async function findUnanswered(q: QueueState, state: LaneState, info: ConsumerInfo): Promise<void> {
  const { spread } = state
  if (spread === undefined) return
  if (isUnheard(spread, info)) await adoptLane(q, state, info, 0)
  spread.accounted = spread.ledger.accounted
}

/**
 * Raises the floor of a lane that seems to have nothing left: over what was delivered, and then to `last` or to below its next
 * message. JetStream's count of what is pending lags behind what is stored, so that the stream itself is asked for that.
 */
async function raiseFloor(q: QueueState, { spread, lane }: LaneState, info: LaneInfo, last: number): Promise<void> {
  if (spread === undefined) return
  const { ledger } = spread
  ledger.nothingThrough(Math.min(last, info.delivered.stream_seq))
  if (ledger.floor >= last) return
  const next = await nextOf(q.js, queueStream(q.name), lane.filterSubject, ledger.floor + 1)
  ledger.nothingThrough(next === undefined ? last : Math.min(last, next.seq - 1))
}

/** Raises the floor of a lane in which nothing moves to just below its next message that is still in the stream. */
async function skipOthers(js: JetStreamAccess, queue: string, { spread, lane }: LaneState): Promise<void> {
  if (spread === undefined || spread.sought === spread.ledger.floor) return
  const moved = spread.seen !== spread.ledger.floor
  spread.seen = spread.ledger.floor
  if (moved) return
  const next = await nextOf(js, queueStream(queue), lane.filterSubject, spread.ledger.floor + 1)
  if (next !== undefined) spread.ledger.nothingThrough(next.seq - 1)
  spread.sought = spread.ledger.floor
}
