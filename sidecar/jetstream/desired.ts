import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  ReplayPolicy,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream'
import { parseDuration, parseQuantity, type QueueSpec } from '../../crds/index.ts'
import {
  deadLetterStream,
  deadLetterSubject,
  delayedStream,
  delayedSubject,
  laneConsumer,
  queueStream,
  settlementStream,
  settlementSubject,
  STORED_REPUBLISH,
} from '../../crds/protocol/subjects.ts'
import type { Lane } from '../lanes/lane.ts'
import { isSpread, isTree, streamShape } from '../lanes/lanes.ts'

export type WantedStream = Partial<StreamConfig> & Pick<StreamConfig, 'name' | 'subjects'>
export type WantedConsumer = Partial<ConsumerConfig> & { readonly durable_name: string }

const NS_PER_MS = 1e6
const nanos = (duration: string): number => parseDuration(duration) * NS_PER_MS

/** Far above what stock clients keep open at once; a pull past it is refused with 409. */
const MAX_WAITING_PULLS = 8192
/** Delivery stops until this time when the Queue is paused: for as long as it stays so. */
const PAUSED_UNTIL = '2200-01-01T00:00:00Z'

/**
 * A repeated move of the same dead letter is dropped for this long. It has to outlast the time from a crash between copy and
 * settlement to the next attempt at the move, which is a visibility timeout at most.
 */
const DEAD_LETTER_WINDOW_MS = 10 * 60_000

/** What could lose or hide messages if somebody set it by hand is declared as well, unset. */
const NO_OTHER_LIMITS = {
  storage: StorageType.File,
  retention: RetentionPolicy.Limits,
  num_replicas: 1,
  max_age: 0,
  max_msgs: -1,
  max_bytes: -1,
  max_msg_size: -1,
  max_msgs_per_subject: -1,
  discard_new_per_subject: false,
  no_ack: false,
  allow_direct: true,
} as const
const NO_OTHER_DELIVERY = {
  backoff: [],
  headers_only: false,
  rate_limit_bps: 0,
  inactive_threshold: 0,
  max_batch: 0,
  max_expires: 0,
  max_bytes: 0,
}

/** Past maxMessages, where the oldest are dead-lettered then: as many may come until that is done. */
const SLACK_SHARE = 0.1
const LEAST_SLACK = 1000

function maxMessages({ retention: { onLimit, maxMessages } }: QueueSpec): number {
  const slack = Math.max(LEAST_SLACK, Math.ceil(SLACK_SHARE * maxMessages))
  return onLimit === 'DeadLetterOldest' ? maxMessages + slack : maxMessages
}

/** The stream of a Queue. Limits retention, whatever the policy: what is settled is purged in batches (see settlement/). */
export function wantedQueueStream(queue: string, spec: QueueSpec): WantedStream {
  const { retention } = spec
  const shape = streamShape(queue, spec)
  return {
    name: queueStream(queue),
    subjects: [...shape.subjects],
    ...NO_OTHER_LIMITS,
    max_msgs_per_subject: shape.maxPerSubject ?? -1,
    ...(shape.transform === undefined ? {} : { subject_transform: shape.transform }),
    ...(isSpread(spec) ? { republish: STORED_REPUBLISH } : {}),
    // What is to be dead-lettered is not for nats-server to drop.
    max_age: retention.onExpiry === 'DeadLetter' ? 0 : nanos(retention.maxAge),
    max_msgs: maxMessages(spec),
    max_bytes: parseQuantity(retention.maxBytes),
    max_msg_size: parseQuantity(retention.maxMessageSize),
    allow_msg_ttl: true,
    // What a transaction sends is stored as one batch.
    allow_atomic: true,
    allow_rollup_hdrs: false,
    discard_new_per_subject: isTree(spec) && shape.maxPerSubject !== undefined && retention.onLimit === 'Reject',
    discard: retention.onLimit === 'DropOldest' ? DiscardPolicy.Old : DiscardPolicy.New,
    duplicate_window: Math.min(nanos(spec.deduplication.window), nanos(retention.maxAge)),
  }
}

export function wantedDeadLetterStream(queue: string, spec: QueueSpec): WantedStream {
  const maxAge = nanos(spec.deadLetter.maxAge)
  const window = Math.max(DEAD_LETTER_WINDOW_MS, 2 * parseDuration(spec.retry.visibilityTimeout))
  return {
    name: deadLetterStream(queue),
    subjects: [deadLetterSubject(queue)],
    ...NO_OTHER_LIMITS,
    max_age: maxAge,
    max_bytes: parseQuantity(spec.deadLetter.maxBytes),
    discard: DiscardPolicy.Old,
    duplicate_window: Math.min(window * NS_PER_MS, maxAge),
  }
}

/** No limits of the server's own: what may wait is bounded by the sidecar, which is the only one to publish to it. */
export const wantedDelayedStream = (queue: string, spec: QueueSpec): WantedStream => ({
  name: delayedStream(queue),
  subjects: [`${delayedSubject(queue)}.>`],
  ...NO_OTHER_LIMITS,
  // What a transaction sends to come later is stored as one batch.
  allow_atomic: true,
  allow_rollup_hdrs: true,
  discard: DiscardPolicy.Old,
  duplicate_window: nanos(spec.deduplication.window),
})

export const wantedSettlementStream = (queue: string): WantedStream => ({
  name: settlementStream(queue),
  subjects: [settlementSubject(queue)],
  ...NO_OTHER_LIMITS,
  discard: DiscardPolicy.Old,
})

export function wantedLane(group: string, lane: Lane, spec: QueueSpec): WantedConsumer {
  return {
    durable_name: laneConsumer(group, lane.name),
    ...NO_OTHER_DELIVERY,
    ...(lane.isWhole === true ? {} : { filter_subject: lane.filterSubject }),
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    replay_policy: ReplayPolicy.Instant,
    ack_wait: nanos(spec.retry.visibilityTimeout),
    max_deliver: lane.maxDeliver ?? (spec.retry.maxAttempts === 0 ? -1 : spec.retry.maxAttempts),
    max_ack_pending: lane.maxAckPending,
    max_waiting: MAX_WAITING_PULLS,
    ...(spec.paused ? { pause_until: PAUSED_UNTIL } : {}),
  }
}
