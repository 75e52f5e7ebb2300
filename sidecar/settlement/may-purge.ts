import type { JetStreamAccess } from '../jetstream/access.ts'
import type { LaneState } from '../queue/lane-state.ts'

/** How often the oldest open message is looked at, at least, while there is one. Milliseconds. */
const LOOK_MS = 1000

/**
 * Whether a purge of the stream does no harm to its lanes. nats-server 2.15 forgets, at any purge, which messages it has queued
 * to deliver again (`consumer.purge` keeps of that queue only what was never delivered); they would then wait for one more
 * visibility timeout. Nothing can be queued while no message was given back and none has been open for long; and nothing stays
 * queued while a pull waits that would be served.
 *
 * @param now monotonic milliseconds
 */
export async function mayPurge(
  js: JetStreamAccess,
  stream: string,
  lanes: readonly LaneState[],
  visibilityTimeoutMs: number,
  now: number,
): Promise<boolean> {
  for (const lane of lanes) {
    if (!mayBeQueued(lane, visibilityTimeoutMs, now)) continue
    const info = await js.manager.consumers.info(stream, lane.consumer)
    lane.ledger.sawDelivered(info.delivered.stream_seq)
    if ((info.num_waiting === 0 || info.paused === true) && lane.ledger.unrecorded > 0) return false
  }
  return true
}

/** Pure. Half of the visibility timeout is left for what was delivered just before the oldest open message was looked at. */
export function mayBeQueued(lane: LaneState, visibilityTimeoutMs: number, now: number): boolean {
  const { alive, ledger, oldest, spread } = lane
  if (spread?.flow !== undefined) return spread.flow.due > 0
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
