import { AckPolicy, type ConsumerInfo, DeliverPolicy, ReplayPolicy } from '@nats-io/jetstream'
import type { Msg } from '@nats-io/transport-node'
import { queueStream, queueSubject } from '../../crds/protocol/subjects.ts'
import { wantedLane } from '../jetstream/desired.ts'
import { MAX_IN_FLIGHT } from '../lanes/lane.ts'
import { inFlight } from './observe.ts'
import { answerNotFound } from './pull.ts'
import { readLane } from './read-lane.ts'
import type { QueueState } from './state.ts'

/** Answers a client that opens a group, or asks how far it is. */
export async function answerInfo(q: QueueState, group: string, message: Msg): Promise<void> {
  const own = q.lanes.filter((lane) => lane.group === group)
  const infos = await Promise.all(
    own.map(async (lane) => {
      const reading = await readLane(q, lane)
      return { ...reading.info, num_ack_pending: inFlight(lane, reading) }
    }),
  )
  const declared = q.spec.consumerGroups.some(({ name }) => name === group)
  const info = declared && own.length === 0 ? emptyGroupInfo(group, q) : groupInfo(group, infos)
  if (info === undefined) answerNotFound(message, 'consumer')
  else message.respond(JSON.stringify({ type: 'io.nats.jetstream.api.v1.consumer_info_response', ...info }))
}

/**
 * What a client reads when it opens `consumers.get(queue, group)`: the lanes of the group, added up, under the group's name.
 *
 * @param lanes what JetStream says of them, with those pending that are in flight
 */
function groupInfo(group: string, lanes: readonly ConsumerInfo[]): ConsumerInfo | undefined {
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
function emptyGroupInfo(group: string, { name, spec, created }: QueueState): EmptyGroupInfo {
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
