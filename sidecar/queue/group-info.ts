import { AckPolicy, type ConsumerInfo, DeliverPolicy, ReplayPolicy } from '@nats-io/jetstream'
import { queueStream, queueSubject } from '../../crds/protocol/subjects.ts'
import { wantedLane } from '../jetstream/desired.ts'
import { MAX_IN_FLIGHT } from '../lanes/lane.ts'
import type { QueueState } from './state.ts'

/**
 * What a client reads when it opens `consumers.get(queue, group)`: the lanes of the group, added up, under the group's name.
 *
 * @param lanes what JetStream says of them, with those pending that are in flight
 */
export function groupInfo(group: string, lanes: readonly ConsumerInfo[]): ConsumerInfo | undefined {
  const [first] = lanes
  if (first === undefined) return undefined
  const sum = (read: (info: ConsumerInfo) => number): number => lanes.reduce((total, info) => total + read(info), 0)
  return {
    ...first,
    name: group,
    config: { ...first.config, name: group, durable_name: group },
    num_pending: sum((info) => info.num_pending),
    num_ack_pending: sum((info) => info.num_ack_pending),
    num_redelivered: sum((info) => info.num_redelivered),
    num_waiting: sum((info) => info.num_waiting),
  }
}

/** As nats-server writes it before the first delivery: a time that is not one would fail to be read by most clients. */
const NOTHING_YET = { consumer_seq: 0, stream_seq: 0 }

type EmptyGroupInfo = Omit<ConsumerInfo, 'delivered' | 'ack_floor'> &
  Record<'delivered' | 'ack_floor', typeof NOTHING_YET>

/** The same of a group that has no lanes, since no sub-queue was published to. */
export function emptyGroupInfo(group: string, { name, spec, created }: QueueState): EmptyGroupInfo {
  const lane = { name: 'none', filterSubject: `${queueSubject(name)}.>`, maxAckPending: MAX_IN_FLIGHT }
  return {
    stream_name: queueStream(name),
    name: group,
    created,
    config: {
      deliver_policy: DeliverPolicy.All,
      ack_policy: AckPolicy.Explicit,
      replay_policy: ReplayPolicy.Instant,
      ...wantedLane(group, lane, spec),
      name: group,
      durable_name: group,
    },
    delivered: NOTHING_YET,
    ack_floor: NOTHING_YET,
    num_ack_pending: 0,
    num_redelivered: 0,
    num_waiting: 0,
    num_pending: 0,
    push_bound: false,
    pause_remaining: 0,
    ts: new Date().toISOString(),
  }
}
