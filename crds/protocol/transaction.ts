import { z } from 'zod'
import { requestIdSchema } from '../schema/request-id.ts'

/** A transaction: what it sends and acknowledges takes effect as a whole or not at all. See "Transactions" in the README. */

/** Messages that a transaction may send to one Queue: what nats-server stores as one batch. */
export const MAX_SENDS = 1000
export const MAX_QUEUES = 64
/** Acknowledgements in a transaction. */
export const MAX_ACKS = 1000
/** Bodies and headers of a transaction's sends together. Bytes. */
export const MAX_TRANSACTION_BYTES = 4 * 1024 * 1024
/** Transactions of a broker that have not come to their end. */
export const MAX_OPEN = 1000

const id = requestIdSchema
const secret = z.string().min(16, 'has to have 16 characters at least').max(128, 'may have 128 characters at most')

const headerValueSchema = z.string().regex(/^[^\r\n]*$/, 'may not span lines')

export const sendSchema = z.strictObject({
  queue: z.string(),
  /** What follows the queue's name in the subject: a key, a level or a path, where the mode has one. */
  rest: z.string().default(''),
  headers: z
    .record(
      z.string().regex(/^[!-9;-~]+$/, 'has to be printable ASCII without ":" or spaces'),
      z.union([headerValueSchema, z.array(headerValueSchema)]),
    )
    .default({}),
  body: z.string().default(''),
  encoding: z.enum(['text', 'base64']).default('text'),
})
export type Send = z.infer<typeof sendSchema>

const sends = z.array(sendSchema).default([])
/** Subjects to which the acknowledgements would be published, as the deliveries have them as their reply. */
const acks = z.array(z.string()).max(MAX_ACKS, `may be ${MAX_ACKS} at most in a transaction`).default([])

/** Everything at once: a request to `pillion.tx.commit`, and body of `POST /transactions`. */
export const transactRequestSchema = z.strictObject({ id: id.optional(), sends, acks })

/** Whom to ask what is to become of a prepared transaction whose producer says nothing, and when. */
export const checkBackSchema = z.strictObject({
  /** Of a NATS request; `pillion.check.…`. */
  subject: z.string().optional(),
  /** Of an HTTP POST. */
  url: z.string().optional(),
  /** Durations: from prepare to the first question, and between two. */
  firstAfter: z.string().default('10s'),
  interval: z.string().default('30s'),
  /** Questions; past the last the transaction is in doubt. */
  limit: z.int().min(1).max(1000).default(20),
})

/** A request to `pillion.tx.begin`. */
export const beginRequestSchema = z.strictObject({
  id: id.optional(),
  /** To be named in every later request of the transaction; left out: one is made, and is in the answer. */
  secret: secret.optional(),
  /** A duration; past it what is not decided is aborted. */
  timeout: z.string().default('30s'),
  checkBack: checkBackSchema.optional(),
})

const named = { id, secret }
/** A request to `pillion.tx.send`. */
export const sendRequestSchema = z.strictObject({
  ...named,
  /** How many sends the transaction had before these, so that the same request again changes nothing. */
  from: z.int().min(0),
  sends: z.array(sendSchema).min(1),
})
/** A request to `pillion.tx.ack`. */
export const ackRequestSchema = z.strictObject({
  ...named,
  acks: z.array(z.string()).min(1).max(MAX_ACKS, `may be ${MAX_ACKS} at most in a transaction`),
})
/** A request to `pillion.tx.prepare`, to `pillion.tx.abort`, and to `pillion.tx.commit` of a transaction that was begun. */
export const namedRequestSchema = z.strictObject(named)

/**
 * What somebody decides of a transaction in doubt: body of `POST /transactions/<id>/resolve`. `coordinator`: of this broker's part in a transaction
 * of another, which is not among those that this one was told of any more. `without`: a broker whose part of a committed transaction is not waited
 * for any more.
 */
export const resolveRequestSchema = z.strictObject({
  id,
  decision: z.enum(['commit', 'abort']),
  coordinator: z.string().optional(),
  without: z.string().optional(),
})

/** `InDoubt`: prepared, and its producer was asked in vain. `Committing`: it is decided, and not everything is carried out yet; it will be, also after a crash. */
export const TRANSACTION_STATES = ['Open', 'Prepared', 'InDoubt', 'Committing', 'Committed', 'Aborted'] as const
export type TransactionState = (typeof TRANSACTION_STATES)[number]

/** By Queue; what comes later by `delay.<queue>`. */
export const transactionQueuesSchema = z.record(
  z.string(),
  z.object({
    sends: z.int().min(0),
    /** Of what was stored: they follow each other. Missing where nothing was. */
    first: z.int().min(1).optional(),
    last: z.int().min(1).optional(),
    /** Sends that the Queue has already, by their `Nats-Msg-Id`. */
    duplicates: z.int().min(0).optional(),
  }),
)

/** What a transaction was refused for. */
export const refusalSchema = z.object({ code: z.string(), field: z.string().optional(), message: z.string() })

export const transactionSchema = z.object({
  id: z.string(),
  /** The broker that decides it, where that is another one: this one has a part in it. */
  coordinator: z.string().optional(),
  state: z.enum(TRANSACTION_STATES),
  /** Why it is aborted, or what it waits for. */
  reason: z.string().optional(),
  /** Nothing but what somebody decides makes it go on; `reason` says what that is. */
  inDoubt: z.boolean().optional(),
  /** `Committing`: which brokers have not said that they carried out their parts, this one without a name. */
  waits: z
    .array(
      z.object({
        broker: z.string().optional(),
        /** RFC 3339: when it was decided. */
        since: z.string(),
        /** What the broker said the last time, or why it did not. */
        reason: z.string().optional(),
      }),
    )
    .optional(),
  /** Brokers that somebody decided not to wait for: it is not known whether their parts are carried out. */
  givenUp: z.array(z.string()).optional(),
  /** In the answer to `begin`. */
  secret: z.string().optional(),
  queues: transactionQueuesSchema,
  acks: z.int().min(0),
  /** Whom its producer named to be asked, how often that was done, and how often at most. */
  checkBack: z
    .object({
      subject: z.string().optional(),
      url: z.string().optional(),
      asked: z.int().min(0).optional(),
      limit: z.int().min(1),
    })
    .optional(),
  /** RFC 3339. */
  startedAt: z.string(),
  endedAt: z.string().optional(),
  /** Of one that was refused. */
  error: refusalSchema.optional(),
})
export type Transaction = z.infer<typeof transactionSchema>
