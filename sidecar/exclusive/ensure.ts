import { exclusiveOf, parseDuration } from '../../crds/index.ts'
import type { LaneState } from '../queue/lane-state.ts'
import type { QueueState } from '../queue/state.ts'
import { ActiveConsumer } from './active-consumer.ts'
import { readActive, writeActive } from './active-store.ts'
import { listenerAt, sight } from './connections.ts'

/** Makes who lets one consumer be served, for each group of an Exclusive Queue; keeps those that are there. */
export function ensureActiveConsumers(q: QueueState): void {
  const groups = q.spec.type === 'Exclusive' ? q.spec.consumerGroups.map(({ name }) => name) : []
  for (const [group, active] of q.active) {
    if (groups.includes(group)) continue
    active.stop()
    q.active.delete(group)
  }
  for (const group of groups) if (!q.active.has(group)) q.active.set(group, activeConsumer(q, group))
}

function activeConsumer(q: QueueState, group: string): ActiveConsumer {
  const lanes = (): LaneState[] => q.lanes.filter((lane) => lane.group === group)
  const sum = (of: (lane: LaneState) => number | undefined): number =>
    lanes().reduce((total, lane) => total + (of(lane) ?? 0), 0)
  return new ActiveConsumer({
    failoverMs: () => parseDuration(exclusiveOf(q.spec).failover),
    logger: q.logger.child({ group }),
    listenerAt: (reply) => listenerAt(q.js, reply),
    sight: (consumer) => sight(q.js, consumer),
    read: () => readActive(q.js, q.name, group),
    write: (consumer) => writeActive(q.js, q.name, group, consumer),
    inFlight: () => sum(({ spread }) => spread?.flow?.inFlight),
    timeouts: () => sum(({ spread }) => spread?.flow?.timeouts),
    waiting: () => q.dispatchers.get(group)?.held.map(({ reply }) => reply) ?? [],
    endPulls: (replies) => q.dispatchers.get(group)?.end(replies),
    giveBack: () => q.giveBack(group),
    changed: () => q.dispatchers.get(group)?.admitted(),
    onFailover: () => q.metrics.failedOver(group),
  })
}
