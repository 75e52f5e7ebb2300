import { z } from 'zod'

const count = z.int().min(0)

/** What became of every message that a consumer group was given. */
const groupLedgerSchema = z.object({
  /** Everything that was published to the Queue, now or for later, and what operations brought back or in. */
  accepted: count,
  acknowledged: count,
  deadLettered: count,
  /** Older than maxAge, and not dead-lettered for it, or ended by a `Nats-TTL`. */
  expired: count,
  /** Dropped for newer ones, by a Queue that was full. */
  evicted: count,
  /** Mode Lru: a newer message of the key took its place. */
  replaced: count,
  purged: count,
  /** To another Queue. */
  moved: count,
  ready: count,
  inFlight: count,
  delayed: count,
  /** Accepted, less everything else. 0 when the Queue is quiet; null: of a group that is given a part of the messages only. */
  unaccounted: z.int().nullable(),
})
export type GroupLedger = z.infer<typeof groupLedgerSchema>

/** Answer of `GET /queues/<name>/ledger`: of several groups, the one that is furthest behind, and each. */
export const ledgerSchema = groupLedgerSchema.extend({
  /** When the Queue's stream was created; counted since. */
  since: z.string(),
  groups: z.record(z.string(), groupLedgerSchema),
})
export type QueueLedger = z.infer<typeof ledgerSchema>
