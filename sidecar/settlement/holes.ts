import type { LaneState } from '../queue/lane-state.ts'

/** Beyond the visibility timeout, before a difference in counts is believed to be a hole. Milliseconds. */
const HOLE_MARGIN_MS = 5000

/**
 * A hole without a hint: more delivered messages are unrecorded than JetStream holds pending, so at least one of them was given
 * up. JetStream does not say which are pending; a hole is among the oldest, and among those that nobody has asked to keep.
 * Returns the one to end, once the difference has lasted longer than any message can be between delivery and answer.
 *
 * @param pending JetStream's `num_ack_pending`
 * @param delivered how far it had delivered then; what it has delivered since is not in `pending`
 * @param now monotonic milliseconds
 */
export function findHole(
  lane: LaneState,
  pending: number,
  delivered: number,
  visibilityTimeoutMs: number,
  now: number,
): number | undefined {
  // Settled ones that JetStream still holds pending make `pending` larger, never smaller: the difference is a lower bound.
  if (lane.ledger.unrecordedThrough(delivered) <= pending) {
    delete lane.holeSince
    return undefined
  }
  lane.holeSince ??= now
  if (now - lane.holeSince < visibilityTimeoutMs + HOLE_MARGIN_MS) return undefined
  const oldest = lane.ledger.oldestUnrecorded(delivered, lane.alive.size + lane.moving.size + 1)
  return oldest.find((sequence) => !lane.moving.has(sequence) && (lane.alive.get(sequence) ?? 0) < now)
}
