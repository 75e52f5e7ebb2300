import { setTimeout as delay } from 'node:timers/promises'
import type { StreamInfo } from '@nats-io/jetstream'
import { hierarchyOf } from '../../crds/index.ts'
import { laneConsumer, queueStream, queueSubject } from '../../crds/protocol/subjects.ts'
import { isMissing } from '../jetstream/ensure.ts'
import { isTree } from '../lanes/lanes.ts'
import { nextOf } from '../jetstream/stored-message.ts'
import type { Observation } from './observe.ts'
import type { LaneState } from './lane-state.ts'
import { ensureDispatchers, laneFacts } from './spread.ts'
import type { QueueState } from './state.ts'
import { ensureLane, wantedLanes } from './take-up.ts'

/** A sub-queue that is empty for so long gives its lane back. Milliseconds. */
const IDLE_MS = 60_000
/** The same where others wait for a lane. Milliseconds. */
const IDLE_WHEN_CROWDED_MS = 1000

/** Before tries at a count during which nothing happens; after the last, the next sweep tries. Milliseconds. */
const RECOUNTS_MS = [0, 1, 2, 4, 8, 16, 32, 64, 128]

const pathOf = (queue: string, subject: string): string => subject.slice(queueSubject(queue).length + 1)

/**
 * The sub-queues that have messages become the ones that have lanes; lanes of others are removed. Where there are more than may be, those that
 * had a lane keep it: a lane that is made anew would deliver again what is on record and still in the stream.
 */
export async function findSubQueues(q: QueueState): Promise<void> {
  const there = new Set<string>()
  for await (const { name } of q.js.manager.consumers.list(queueStream(q.name))) there.add(name)
  const waiting = await occupied(q)
  const had = new Set(
    wantedLanes({ name: q.name, spec: q.spec, paths: new Set(waiting) }).flatMap(({ consumer, lane }) =>
      there.has(consumer) ? (lane.path ?? []) : [],
    ),
  )
  q.paths = new Set()
  for (const path of [...had, ...waiting.filter((one) => !had.has(one))]) if (!announcePath(q, path)) break
  const wanted = new Set(wantedLanes(q).map(({ consumer }) => consumer))
  for (const name of there) {
    const ours = q.spec.consumerGroups.some((group) => name.startsWith(laneConsumer(group.name, 's')))
    if (ours && !wanted.has(name)) await q.js.manager.consumers.delete(queueStream(q.name), name)
  }
}

/** The sub-queue that a stored message is in is to have a lane. False where there are as many as there may be, or it has one. */
export function announce(q: QueueState, subject: string): boolean {
  const path = pathOf(q.name, subject)
  return !q.paths.has(path) && announcePath(q, path)
}

function announcePath(q: QueueState, path: string): boolean {
  if (q.paths.size >= hierarchyOf(q.spec).maxSubQueues) {
    q.crowded = true
    return false
  }
  q.paths.add(path)
  return true
}

/** Makes the lanes of the sub-queues that were announced. */
export async function addSubQueues(q: QueueState): Promise<void> {
  const known = new Set(q.lanes.map(({ consumer }) => consumer))
  const added = wantedLanes(q).filter(({ consumer }) => !known.has(consumer))
  try {
    for (const state of added) {
      const first = await nextOf(q.js, queueStream(q.name), state.lane.filterSubject, 1)
      // What the sub-queue had before is settled, or its lane would still be there.
      state.spread?.ledger.begin((first?.seq ?? 1) - 1)
      const { last_seq: last } = (await q.js.manager.streams.info(queueStream(q.name))).state
      if (state.spread !== undefined) state.spread.countedThrough = last
      await ensureLane(q, state, false)
      setLanes(q, [...q.lanes, state])
      recount(q, state).catch((error: unknown) => {
        q.logger.debug({ err: error }, 'could not count the messages of a new sub-queue; the next sweep does')
      })
    }
  } catch (error) {
    for (const { lane } of added) if (!q.lanesBySubject.has(lane.filterSubject)) q.paths.delete(lane.path ?? '')
    throw error
  } finally {
    ensureDispatchers(q, true)
  }
}

/** What was stored while the lane was being made was counted by nobody. */
async function recount(q: QueueState, state: LaneState): Promise<void> {
  const flow = state.spread?.flow
  if (flow === undefined) return
  for (const wait of RECOUNTS_MS) {
    await delay(wait)
    // Its lane was given back meanwhile, or counted anew.
    if (state.spread?.flow !== flow || !q.lanes.includes(state)) return
    const { version } = flow
    const info = await q.js.manager.consumers.info(queueStream(q.name), state.consumer)
    flow.correct(laneFacts(state, info), version, performance.now())
    if (flow.version !== version) continue
    state.spread.changed()
    return
  }
}

/** Takes back the lanes of sub-queues that are empty, and gives lanes to those that wait for one. */
export async function tendSubQueues(q: QueueState, observation: Observation): Promise<void> {
  const now = performance.now()
  const idle = new Map<string, boolean>()
  const busy = new Set<string>()
  for (const { state, info, version } of observation.lanes) {
    const { spread, lane } = state
    if (spread === undefined || lane.path === undefined) continue
    const empty = info.num_pending === 0 && info.num_ack_pending === 0 && spread.unpurged === 0
    if (!empty) busy.add(lane.path)
    const quiet = empty && spread.ledger.unrecorded + spread.ledger.ahead === 0 && spread.flow?.version === version
    if (!quiet || spread.quiet.version !== version) spread.quiet = { version: quiet ? version : -1, since: now }
    const longEnough = quiet && now - spread.quiet.since >= (q.crowded ? IDLE_WHEN_CROWDED_MS : IDLE_MS)
    idle.set(lane.path, longEnough && (idle.get(lane.path) ?? true))
  }
  const given = new Set<string>()
  for (const [path, isIdle] of idle) if (isIdle && !(await hasMessages(q, path))) given.add(path)
  // Something may have come to one while another was asked about.
  for (const { state, version } of observation.lanes)
    if (state.spread?.flow?.version !== version) given.delete(state.lane.path ?? '')
  if (given.size > 0) await giveBack(q, given)
  // Where what is settled leaves the stream, lanes that have nothing account for none of its subjects.
  const accounted = q.spec.retention.until === 'Acknowledged' ? busy.size : q.paths.size
  if (!q.crowded && (observation.stream.state.num_subjects ?? 0) <= accounted) return
  q.crowded = false
  for (const path of await occupied(q)) if (!q.paths.has(path) && !announcePath(q, path)) break
  await addSubQueues(q)
}

const hasMessages = async (q: QueueState, path: string): Promise<boolean> =>
  (await nextOf(q.js, queueStream(q.name), `${queueSubject(q.name)}.${path}`, 1)) !== undefined

async function giveBack(q: QueueState, paths: ReadonlySet<string>): Promise<void> {
  const gone = q.lanes.filter(({ lane }) => paths.has(lane.path ?? ''))
  // First from view, so that a message that comes now makes the sub-queue appear again.
  for (const path of paths) q.paths.delete(path)
  setLanes(
    q,
    q.lanes.filter((state) => !gone.includes(state)),
  )
  ensureDispatchers(q, true)
  for (const { consumer } of gone) {
    await q.js.manager.consumers.delete(queueStream(q.name), consumer).catch((error: unknown) => {
      if (!isMissing(error)) throw error
    })
  }
}

function setLanes(q: QueueState, lanes: QueueState['lanes']): void {
  q.lanes = lanes
  q.lanesBySubject = Map.groupBy(lanes, ({ lane }) => lane.filterSubject)
}

/** Up to here every message of the stream has its lanes: to its end, or nowhere. */
export async function coveredThrough(q: QueueState): Promise<number> {
  if (!isTree(q.spec)) return Number.POSITIVE_INFINITY
  const { state } = await stateOf(q)
  const complete = wantedLanes(q).every(({ consumer }) => q.lanes.some((lane) => lane.consumer === consumer))
  const known = Object.keys(state.subjects ?? {}).every((subject) => q.paths.has(pathOf(q.name, subject)))
  return complete && known ? state.last_seq : 0
}

/** The sub-queues that hold messages. */
async function occupied(q: QueueState): Promise<string[]> {
  const { state } = await stateOf(q)
  return Object.keys(state.subjects ?? {}).map((subject) => pathOf(q.name, subject))
}

const stateOf = (q: QueueState): Promise<StreamInfo> =>
  q.js.manager.streams.info(queueStream(q.name), { subjects_filter: `${queueSubject(q.name)}.>` })
