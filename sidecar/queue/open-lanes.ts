import type { StoredMessage } from '../jetstream/stored-message.ts'
import { laneSubject } from '../lanes/lanes.ts'
import type { LaneState } from './lane-state.ts'
import type { QueueState } from './state.ts'

/** The lanes, one of each group, in which a message has no end. */
export const openLanes = (q: QueueState, { seq, subject }: StoredMessage): LaneState[] =>
  (q.lanesBySubject.get(laneSubject(q.name, q.spec, subject)) ?? []).filter(
    (lane) => !lane.ledger.isSettled(seq) && !lane.moving.has(seq) && !q.settler.isEnding(lane, seq),
  )
