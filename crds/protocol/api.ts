import { z } from 'zod'

/** The sidecar's HTTP API: what the operator sends to it and reads from it. */

/** Counts of a Queue's messages, over all of its groups the largest. */
export const messageCountsSchema = z.object({
  ready: z.int().min(0),
  inFlight: z.int().min(0),
  delayed: z.int().min(0),
  deadLettered: z.int().min(0),
})
export type MessageCounts = z.infer<typeof messageCountsSchema>

/** Body of `PUT /queues/<name>`; `spec` is checked by `parseQueueSpec`. */
export const putQueueSchema = z.strictObject({
  generation: z.int().min(0),
  spec: z.unknown(),
})

/** A difference that was found between what was declared and what was there, and put right. */
export const correctionSchema = z.object({ object: z.string(), message: z.string() })
export type Correction = z.infer<typeof correctionSchema>

export const queueObservationSchema = z.object({
  name: z.string(),
  generation: z.int().min(0),
  configured: z.boolean(),
  subject: z.string(),
  messages: messageCountsSchema,
  /** Those in doubt that send to it or acknowledge messages of it, also of another broker; absent: the sidecar is older than the count. */
  transactionsInDoubt: z.int().min(0).optional(),
  /** Drift put right since the last PUT; told once. */
  corrected: z.array(correctionSchema),
})
export type QueueObservation = z.infer<typeof queueObservationSchema>

export const API_ERROR_CODES = [
  'InvalidSpec',
  'InvalidName',
  'InvalidJson',
  'InvalidParameter',
  'ImmutableFieldChanged',
  'NotImplemented',
  'QueueNotFound',
  'QueueNotEmpty',
  'DelayedNotFound',
  'QueueNotPaused',
  'OperationNotFound',
  'OperationRunning',
  'BatchClosed',
  'TransactionNotFound',
  'TransactionIdTaken',
  'TransactionNotYours',
  'TransactionEnded',
  'TransactionNotInDoubt',
  'TransactionTooLarge',
  'TooManyTransactions',
  'MessageTooLarge',
  'AckRefused',
  'QueueFull',
  'Unauthorized',
  'BrokerNotReady',
  'BodyTooLarge',
  'Internal',
] as const
export type ApiErrorCode = (typeof API_ERROR_CODES)[number]

export const apiErrorSchema = z.object({
  error: z.object({
    code: z.enum(API_ERROR_CODES),
    field: z.string().optional(),
    message: z.string(),
    messages: messageCountsSchema.optional(),
  }),
})
export type ApiError = z.infer<typeof apiErrorSchema>

export const DELETE_POLICIES = ['KeepNonEmpty', 'Delete', 'Retain'] as const
export type DeletePolicy = (typeof DELETE_POLICIES)[number]

/** The API server's proxy keeps `Authorization` for itself, so the token may also come in this header. */
export const PROXY_AUTHORIZATION_HEADER = 'Pillion-Authorization'
