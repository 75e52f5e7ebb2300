import { z } from 'zod'
import { requestIdSchema } from '../schema/request-id.ts'
import { SOURCES } from './browse.ts'
import { otherBrokerSchema } from './copies.ts'

/** What may be done to the messages of a Queue, many at once. */
export const OPERATION_KINDS = ['redrive', 'purge', 'move'] as const

export const DEAD_LETTER_REASONS = ['max-attempts', 'timeout', 'rejected', 'expired', 'evicted', 'invalid'] as const

/** Which messages; all that is given has to hold. Nothing: all of them. */
export const selectionSchema = z.strictObject({
  /** Why a message was dead-lettered. */
  reason: z.enum(DEAD_LETTER_REASONS).optional(),
  /** Stored (a dead letter: dead-lettered) at least so long ago, as a duration. */
  olderThan: z.string().optional(),
  /** As published to; `*` and `>` as in a subscription. */
  subject: z.string().optional(),
  /** Has this header, with this value where one is given. */
  header: z.strictObject({ name: z.string().min(1), value: z.string().optional() }).optional(),
  /** No more than so many, the oldest first. */
  count: z.int().min(1).optional(),
})
export type Selection = z.infer<typeof selectionSchema>

/** Body of `POST /queues/<name>/operations`. */
export const operationRequestSchema = z.strictObject({
  /** A name for it; the same again is the same operation. Left out: one is made. */
  id: requestIdSchema.optional(),
  kind: z.enum(OPERATION_KINDS),
  /** redrive: dead-letters, which need not be said. */
  from: z.enum(SOURCES).optional(),
  /** move: another Queue. */
  to: z.string().optional(),
  /** move: the broker that keeps it, where that is another one. The same operation asked for again tells it anew. */
  broker: otherBrokerSchema.optional(),
  select: selectionSchema.default({}),
  /** Messages a second at most. */
  ratePerSecond: z.int().min(1).max(1_000_000).optional(),
  /** Only count what would be done. */
  dryRun: z.boolean().default(false),
})
export type OperationRequest = z.infer<typeof operationRequestSchema>

export const OPERATION_STATES = ['Running', 'Waiting', 'Succeeded', 'Failed', 'Cancelled'] as const

/** How far an operation is. Answer of `POST` and `GET /queues/<name>/operations/<id>`. */
export const operationSchema = operationRequestSchema.extend({
  id: z.string(),
  from: z.enum(SOURCES),
  queue: z.string(),
  broker: otherBrokerSchema.pick({ url: true }).optional(),
  state: z.enum(OPERATION_STATES),
  /** What it waits for, why it failed, or what was left and why. */
  message: z.string(),
  /** Messages that were there to be looked at when it began. */
  total: z.int().min(0),
  looked: z.int().min(0),
  /** Moved or purged; of a dry run: that would be. */
  done: z.int().min(0),
  /** Selected, and left where they are. */
  skipped: z.int().min(0),
  /** RFC 3339. */
  startedAt: z.string(),
  finishedAt: z.string().optional(),
})
export type Operation = z.infer<typeof operationSchema>

/** Answer of `GET /queues/<name>/operations`, newest first. */
export const operationListSchema = z.object({ operations: z.array(operationSchema) })

export type OperationState = (typeof OPERATION_STATES)[number]

export const isFinished = ({ state }: Pick<Operation, 'state'>): boolean => state !== 'Running' && state !== 'Waiting'
