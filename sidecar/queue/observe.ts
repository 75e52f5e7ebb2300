import type { StreamInfo, StreamState } from '@nats-io/jetstream'
import type { MessageCounts } from '../../crds/protocol/api.ts'
import { deadLetterStream, queueStream, settlementStream } from '../../crds/protocol/subjects.ts'
import type { Delayed } from '../delay/delayed.ts'
import type { LaneState } from './lane-state.ts'
import { type LaneReading, readLane } from './read-lane.ts'
import type { QueueState } from './state.ts'

/** What was last read of a Queue's streams and lanes. */
export interface Observation {
  readonly stream: StreamInfo
  readonly lanes: ReadonlyArray<LaneReading & { readonly state: LaneState; readonly version: number }>
  readonly deadLetters: number
  readonly delayed: number
  /** Whether there are messages that no lane counts. */
  readonly crowded: boolean
}

/**
 * Reads them, the lanes before the stream, so that a message that left it in between is not taken for a hole. Throws JetStreamApiError when one is missing.
 */
export async function observeQueue(
  q: Pick<QueueState, 'js' | 'name' | 'settler' | 'lanes' | 'crowded'>,
  delayed: Delayed,
): Promise<Observation> {
  const { js, name: queue, lanes: states, crowded } = q
  const lanes = await Promise.all(
    states.map(async (state) => {
      const version = state.spread?.flow?.version ?? 0
      return { state, version, ...(await readLane(q, state)) }
    }),
  )
  const stream = await js.manager.streams.info(queueStream(queue))
  await js.manager.streams.info(settlementStream(queue))
  const deadLetters = await js.manager.streams.info(deadLetterStream(queue))
  return { lanes, stream, deadLetters: deadLetters.state.messages, delayed: await delayed.count(), crowded }
}

/**
 * Delivered messages of a lane that are not settled. JetStream counts those that are on record too, and not those that it gave up
 * while they wait to be moved.
 */
export const inFlight = ({ ledger, spread }: LaneState, { info, settled }: LaneReading): number =>
  Math.max(0, info.num_ack_pending - settled, spread === undefined ? 0 : ledger.unrecorded)

/** Over several groups, the counts of the one that is furthest behind. Pure. */
export function messageCounts(observation: Observation): MessageCounts {
  const groups = new Map<string, { ready: number; inFlight: number }>()
  for (const { state, ...reading } of observation.lanes) {
    const counts = groups.get(state.group) ?? { ready: 0, inFlight: 0 }
    groups.set(state.group, {
      ready: counts.ready + reading.info.num_pending,
      inFlight: counts.inFlight + inFlight(state, reading),
    })
  }
  const furthest = [...groups.values()].toSorted((a, b) => b.ready + b.inFlight - a.ready - a.inFlight)[0]
  // Without a lane nothing is known to be settled.
  const none = { ready: observation.stream.state.messages, inFlight: 0 }
  const counts = { ...none, ...furthest, delayed: observation.delayed, deadLettered: observation.deadLetters }
  return observation.crowded ? { ...counts, ready: Math.max(counts.ready, none.ready - counts.inFlight) } : counts
}

/** A stream this full of its limit is purged as soon as anything is on record. */
const NEAR = 0.8
/** Streams with limits below these can fill between two looks at them, so they count as near their limit always. */
const SMALL_MESSAGES = 10_000
const SMALL_BYTES = 16 * 1024 * 1024

export const isNearLimit = (state: StreamState, limits: { messages: number; bytes: number }): boolean =>
  limits.messages <= SMALL_MESSAGES ||
  limits.bytes <= SMALL_BYTES ||
  state.messages >= NEAR * limits.messages ||
  state.bytes >= NEAR * limits.bytes

/** Seconds; 0 when there is no message. */
export const oldestAge = (state: StreamState, now: number): number =>
  state.messages === 0 ? 0 : Math.max(0, (now - Date.parse(state.first_ts)) / 1000)
