import { DeliverPolicy, type StreamInfo } from '@nats-io/jetstream'
import type { QueueSpec } from '../../crds/index.ts'
import type { Correction } from '../../crds/protocol/api.ts'
import { groupOfLane, laneConsumer } from '../../crds/protocol/subjects.ts'
import { wantedDeadLetterStream, wantedLane, wantedQueueStream, wantedSettlementStream } from '../jetstream/desired.ts'
import { type Ensured, ensureConsumer, ensureStream, GONE, isMissing } from '../jetstream/ensure.ts'
import { hasGaps, isTree, lanes as lanesOf } from '../lanes/lanes.ts'
import { Account } from '../settlement/account.ts'
import { goneElsewhere } from '../settlement/gone-elsewhere.ts'
import { LaneLedger } from '../settlement/lane-ledger.ts'
import { replay, replayAccounts } from '../settlement/replay.ts'
import { SpreadLedger } from '../settlement/spread-ledger.ts'
import { findLostEnd } from './lost-end.ts'
import { type LaneState, laneState, spreadLaneState } from './lane-state.ts'
import { movedIsKnownMs } from './retry-policy.ts'
import { findSubQueues } from './sub-queues.ts'
import {
  adoptLane,
  ambiguousAfter,
  deleteRecorded,
  ensureDispatchers,
  findRecorded,
  mayDelete,
  startFlow,
} from './spread.ts'
import { settleDeadLettered } from './settle-dead-lettered.ts'
import { settleMovedToTail } from './settle-moved.ts'
import type { QueueState } from './state.ts'

/**
 * Makes the broker's streams and lanes as the Queue declares them, and takes up what the settlement log says of the stream where
 * it was not known before. Returns what was there and differed.
 *
 * @param resume whether nats-server may have been away, so that what it knows of deliveries is looked at anew
 */
export async function takeUp(q: QueueState, { resume }: { resume: boolean }): Promise<Correction[]> {
  const { manager } = q.js
  const known = q.created !== ''
  const stream = await ensureStream(manager, wantedQueueStream(q.name, q.spec))
  const deadLetters = await ensureStream(manager, wantedDeadLetterStream(q.name, q.spec))
  const log = await ensureStream(manager, wantedSettlementStream(q.name))
  if (isTree(q.spec) && (resume || stream.info.created !== q.created)) await findSubQueues(q)
  if (stream.info.created !== q.created) await adopt(q, stream.info, log.info)
  // A log that was gone: what is settled behind a gap is known here only.
  else if (log.created) await q.log.append(q.settler.snapshot())
  if (resume) q.settler.purger.purgedThrough = stream.info.state.first_seq - 1
  const consumers = await ensureLanes(q, stream.info, resume)
  ensureDispatchers(q, !resume)
  if (resume) {
    await settleDeadLettered(q, deadLetters.info)
    await settleMovedToTail(q, stream.info)
  }
  if (!known) return []
  const found = [
    correction(`stream ${log.info.config.name}`, log),
    correction(`stream ${deadLetters.info.config.name}`, deadLetters),
    correction(`stream ${stream.info.config.name}`, stream),
    // A lane goes with its stream: that it had to be made again as well is no second news.
    ...consumers.map((lane) => correction(`consumer ${lane.info.name} of stream ${q.name}`, lane, stream.created)),
  ]
  return found.filter((c) => c !== undefined)
}

function correction(object: string, found: Ensured<unknown>, expected = false): Correction | undefined {
  if (found.created && !expected) return { object, message: GONE }
  return found.changed
}

/** A stream that was not known before: at the start, or made anew. Its past is what the log says of it. */
async function adopt(q: QueueState, stream: StreamInfo, log: StreamInfo): Promise<void> {
  const records = await q.log.read(log, stream.created)
  const states = wantedLanes(q)
  const named = replay(records, new Map(states.map(({ consumer, ledger }) => [consumer, ledger])))
  q.lostEnd = await findLostEnd(q.js, stream, records)
  q.accounts = replayAccounts(records, groupOfLane, () => (hasGaps(q.spec) ? new SpreadLedger() : new LaneLedger()))
  q.rebases = q.lostEnd !== undefined
  const end = q.lostEnd?.above ?? stream.state.last_seq
  q.created = stream.created
  q.createdAt = Date.parse(stream.created)
  const [now, monotonic] = [Date.now(), performance.now()]
  const since = now - movedIsKnownMs(q.spec)
  for (const { consumer, ledger, movedAt, spread } of states) {
    for (const [sequence, at] of goneElsewhere(records, consumer, { since, through: end }))
      movedAt.set(sequence, monotonic - (now - at))
    if (spread !== undefined) spread.stoppedAt = named.get(consumer)
    if (named.has(consumer)) ledger.forgetAbove(end)
    else q.accounts.get(groupOfLane(consumer))?.miss(ledger.droppedBelow(stream.state.first_seq))
  }
  q.lanes = states
  q.settler.purger.purgedThrough = stream.state.first_seq - 1
  // From here on the numbers above `end` belong to other messages, so the records that named them have to go.
  // And what was noted at a stop holds for one start.
  const wasStopped = [...named.values()].some((deliveries) => deliveries !== undefined)
  if (records.length > 1 || wasStopped || q.rebases) await q.log.compact(q.settler.snapshot())
}

async function ensureLanes(
  q: QueueState,
  stream: StreamInfo,
  resume: boolean,
): Promise<Array<Ensured<{ name: string }>>> {
  const { manager } = q.js
  const wanted = wantedLanes(q)
  for (const { consumer } of q.lanes) {
    if (wanted.some((lane) => lane.consumer === consumer)) continue
    await manager.consumers.delete(q.name, consumer).catch((error: unknown) => {
      // A look for sub-queues takes those away that have none any more.
      if (!isMissing(error)) throw error
    })
  }
  const known = new Map(q.lanes.map((state) => [state.consumer, state]))
  const lanes = wanted.map((fresh) => {
    // A known lane stays the same object: settlements on their way refer to it.
    const state = known.get(fresh.consumer) ?? fresh
    state.lane = fresh.lane
    if (state === fresh) q.accounts.get(state.group)?.miss(state.ledger.droppedBelow(stream.state.first_seq))
    return state
  })
  const added = lanes.filter(({ consumer }) => !known.has(consumer))
  for (const { group, ledger } of added) if (beginsNew(q.spec, group)) ledger.droppedBelow(stream.state.last_seq + 1)
  q.lanes = lanes
  q.lanesBySubject = Map.groupBy(lanes, ({ lane }) => lane.filterSubject)
  // Without a word of its own, a lane's past would be what is on record of an earlier one of its name.
  const counted = startAccounts(q, stream)
  if (counted || (!isTree(q.spec) && (added.length > 0 || known.size > lanes.length))) await q.settler.restate()
  const ensured = await Promise.all(lanes.map((state) => ensureLane(q, state, resume)))
  // Purged by lane, and how much of what is on record was not purged before a start is not known.
  if (resume && isTree(q.spec))
    for (const { spread, ledger } of lanes) {
      if (spread !== undefined && ledger.floor >= stream.state.first_seq) spread.unpurged = Math.max(1, spread.unpurged)
    }
  return ensured
}

/** Begins to count for groups that were not there before. Whether there were any, or one is gone. */
function startAccounts({ accounts, spec }: QueueState, { state }: StreamInfo): boolean {
  const before = [...accounts.keys()].join()
  for (const group of accounts.keys())
    if (!spec.consumerGroups.some(({ name }) => name === group)) accounts.delete(group)
  for (const { name } of spec.consumerGroups) {
    const gone = beginsNew(spec, name) ? state.last_seq : state.last_seq - state.messages
    if (!accounts.has(name)) accounts.set(name, Account.startingAt(gone))
  }
  return before !== [...accounts.keys()].join()
}

const beginsNew = ({ consumerGroups }: QueueSpec, group: string): boolean =>
  consumerGroups.some(({ name, from }) => name === group && from === 'New')

export async function ensureLane(q: QueueState, state: LaneState, resume: boolean): Promise<Ensured<{ name: string }>> {
  const wanted = wantedLane(state.group, state.lane, q.spec)
  const ensured = await ensureConsumer(q.js.manager, q.name, wanted, (config) =>
    state.ledger.floor === 0
      ? config
      : { ...config, deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: state.ledger.floor + 1 },
  )
  const { info } = ensured
  state.ledger.resetDelivered(info.delivered.stream_seq)
  await deleteUndelivered(q, state)
  if (state.spread === undefined) return ensured
  if (resume || ensured.created) {
    const { ledger, stoppedAt } = state.spread
    // Neither a lane that never delivered anything nor one that lost nothing since it stopped has a number that is given twice.
    const isFirst = ensured.created && ledger.accounted + ledger.ahead === 0
    const isIntact = stoppedAt !== undefined && info.delivered.consumer_seq >= stoppedAt
    const ambiguous = isFirst || isIntact ? 0 : ambiguousAfter(state.spread, info)
    delete state.spread.stoppedAt
    state.spread.ledger.restart(info.delivered.consumer_seq)
    if (resume) await findRecorded(q, state, info)
    await adoptLane(q, state, info, ambiguous)
  }
  if (resume || ensured.created || ensured.changed !== undefined) await startFlow(q, state, info)
  return ensured
}

export function wantedLanes({ name, spec, paths }: Pick<QueueState, 'name' | 'spec' | 'paths'>): LaneState[] {
  const make = hasGaps(spec) ? spreadLaneState : laneState
  return spec.consumerGroups.flatMap((group) =>
    lanesOf(name, spec, group, paths).map((lane) => make(group.name, lane, laneConsumer(group.name, lane.name))),
  )
}

/** On record, but a crash made JetStream forget that it delivered them: deleted, so that they are not delivered again. */
async function deleteUndelivered(q: QueueState, { ledger, spread }: LaneState): Promise<void> {
  if (!mayDelete(q)) return
  // Below the floor where a purge had to wait; of lanes that share a stream it is listed.
  const below = spread === undefined ? [[q.settler.purger.purgedThrough + 1, ledger.floor] as const] : []
  for (const [from, to] of [...below, ...ledger.ranges()]) {
    for (let sequence = Math.max(from, ledger.delivered + 1); sequence <= to; sequence++)
      await deleteRecorded(q, sequence)
  }
}
