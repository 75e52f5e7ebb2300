import type { Choice, LaneView } from './pick.ts'

/** The lane whose overdue messages have waited longest; undefined where none has any. */
export function pickOverdue(lanes: readonly LaneView[], atMost: number): Choice | undefined {
  let oldest: Choice | undefined
  let since = Number.POSITIVE_INFINITY
  for (const [lane, { ready, overdue, overdueSince }] of lanes.entries()) {
    const count = Math.min(ready, overdue, atMost)
    if (count === 0 || overdueSince >= since) continue
    oldest = { lane, count }
    since = overdueSince
  }
  return oldest
}
