import type { ConsumerInfo } from '@nats-io/jetstream'
import { queueStream } from '../../crds/protocol/subjects.ts'
import { RangeSet } from '../settlement/range-set.ts'
import type { LaneState } from './lane-state.ts'
import type { QueueState } from './state.ts'
import type { LaneInfo } from './unheard.ts'

/** What JetStream says of a lane, and how many of its `num_ack_pending` are on record as settled. */
export interface LaneReading {
  readonly info: ConsumerInfo
  readonly settled: number
}

export async function readLane(
  { js, name, settler }: Pick<QueueState, 'js' | 'name' | 'settler'>,
  { consumer, unacked, spread }: LaneState,
): Promise<LaneReading> {
  const before = RangeSet.of(unacked.ranges())
  const info = await js.manager.consumers.info(queueStream(name), consumer)
  // A purge may end between the server's answer and its reading: what it took is in the answer, and no longer in `unacked`.
  const purged = Math.max(settler.purger.purgedThrough, spread?.purged ?? 0)
  const since = before.countThrough(purged) - before.countThrough(Math.min(purged, info.ack_floor.stream_seq))
  return { info, settled: settledPending(unacked, info) + since }
}

/**
 * How many of these settled messages an answer of JetStream counts as pending. It lets go of them before the sidecar hears of it:
 * what is at or below the floor of the answer is not pending. Pure.
 */
export const settledPending = (settled: RangeSet, { ack_floor }: Pick<LaneInfo, 'ack_floor'>): number =>
  settled.size - settled.countThrough(ack_floor.stream_seq)
