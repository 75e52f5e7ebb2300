import type { JetStreamAccess } from '../jetstream/access.ts'
import type { LaneState } from '../queue/lane-state.ts'

/** How often the oldest open message is looked at, at least, while there is one. Milliseconds. */
const LOOK_MS = 1000

/**
 * From the time at which a message is to come up again until nats-server has surely queued it: its timer may wait 100 ms for
 * acknowledgements that are on their way (`consumer.checkPending`), and several times as long on a busy machine. Milliseconds.
 */
export const QUEUED_WITHIN_MS = 1000

export interface PurgeTimes {
  readonly visibilityTimeoutMs: number
  /** Monotonic milliseconds. */
  readonly now: number
  /** From now until the purge is surely done. Milliseconds. */
  readonly lastsMs: number
}

/** What JetStream says of a lane's consumer. */
interface LaneInfo {
  readonly delivered: { readonly consumer_seq: number; readonly stream_seq: number }
  readonly num_waiting: number
  readonly paused?: boolean | undefined
}

/**
 * Whether a purge of the stream does no harm to its lanes. nats-server 2.15 forgets, at any purge, which messages it has queued
 * to deliver again (`consumer.purge` keeps of that queue only what was never delivered); they would then wait for one more
 * visibility timeout. Nothing can be queued while no message was given back and none has been open for long; and nothing stays
 * queued while a pull waits that would be served. That pull may be served in the next moment, so nothing may be known to come up
 * before the purge is done. Where deliveries are counted, what comes up was delivered once there were as many as were granted. What nobody answers comes up at a time that is not known: it may wait twice.
 */
export async function mayPurge(
  js: JetStreamAccess,
  stream: string,
  lanes: readonly LaneState[],
  purge: Omit<PurgeTimes, 'now'>,
): Promise<boolean> {
  const times = (): PurgeTimes => ({ ...purge, now: performance.now() })
  const isQuiet = (): boolean => !lanes.some((lane) => comesUp(lane, times()))
  if (!isQuiet()) return false
  for (const lane of lanes) {
    if (!mayBeQueued(lane, times())) continue
    const info = await js.manager.consumers.info(stream, lane.consumer)
    if (!isQueueEmpty(lane, info, times())) return false
  }
  // The answers may have taken their time.
  return isQuiet()
}

/** Whether what JetStream says of a lane in which a message may be queued shows that none is. Notes what it says. */
export function isQueueEmpty(lane: LaneState, info: LaneInfo, times: PurgeTimes): boolean {
  lane.ledger.sawDelivered(info.delivered.stream_seq)
  lane.spread?.flow?.sawDeliveries(info.delivered.consumer_seq)
  if (!mayBeQueued(lane, times)) return true
  // What is to come up may not be queued yet, whatever waits for it: where deliveries are counted, only those tell.
  if (lane.spread?.flow !== undefined) return false
  if (lane.ledger.unrecorded === 0) return true
  return info.num_waiting > 0 && info.paused !== true
}

/** Pure. Whether nats-server queues a message between now and the end of a purge, or may be about to. */
export function comesUp({ delayed, ledger, spread }: LaneState, { now, lastsMs }: PurgeTimes): boolean {
  if ((spread?.flow?.nextAt ?? Number.POSITIVE_INFINITY) <= now + lastsMs) return true
  for (const [sequence, at] of delayed) {
    if (at > now - QUEUED_WITHIN_MS && at <= now + lastsMs && !ledger.isSettled(sequence)) return true
  }
  return false
}

/** Pure. Half of the visibility timeout is left for what was delivered just before the oldest open message was looked at. */
export function mayBeQueued(lane: LaneState, { visibilityTimeoutMs, now }: PurgeTimes): boolean {
  const { alive, ledger, oldest, spread } = lane
  if (spread?.flow !== undefined) return spread.flow.due > 0 || spread.flow.redelivers
  if (alive.size > 0) return true
  if (oldest === undefined || ledger.isSettled(oldest.sequence)) return false
  return now - oldest.since >= visibilityTimeoutMs / 2 - LOOK_MS
}

/** Notes since when the oldest open message has been the oldest; later ones were delivered after it. */
export function noteOldest(lane: LaneState, now: number): void {
  const [sequence] = lane.ledger.oldestUnrecorded(lane.ledger.delivered, 1)
  if (sequence === undefined) delete lane.oldest
  else if (lane.oldest?.sequence !== sequence) lane.oldest = { sequence, since: now }
}
