import type { QueueSpec } from '../../crds/index.ts'

/** A message that waits no longer than this waits in its lane. Milliseconds. */
export const LONG_MS = 10_000

/** Whether a wait is long enough for a message to leave its place for it. */
export const isLong = (delayMs: number): boolean => delayMs >= LONG_MS

/**
 * Whether a message that was given back may wait outside of the Queue and come back at its tail. Not where order is promised
 * across retries, since newer messages would pass it; not with several groups, who would all get the copy that comes back; and
 * not in a log, which would have it twice. Mode Lru has a way of its own (see `movesToTail`). Pure.
 */
export const parks = ({ type, ordering, consumerGroups, retention }: QueueSpec): boolean =>
  (type === 'Hierarchical' || ordering.mode === 'Fifo' || ordering.mode === 'Priority') &&
  !ordering.strict &&
  consumerGroups.length === 1 &&
  retention.until === 'Acknowledged'
