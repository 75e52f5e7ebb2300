import { z } from 'zod'
import { requestIdSchema } from '../schema/request-id.ts'
import { MAX_ACKS, refusalSchema, sendSchema, transactionQueuesSchema } from './transaction.ts'

/**
 * What the sidecars of a transaction's brokers ask of each other. The coordinator, which a client asked to begin, has the others prepare their
 * parts and tells them what is decided: `POST /participations/<coordinator>/<id>/prepare`, `commit` and `abort`. Who is prepared and is not told
 * asks it: `POST /participations/<coordinator>/<id>/ask`. Each of them again changes nothing.
 */

const brokerName = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/, 'has to be the name of a broker')

/** The name of the coordinator's broker, as its peers are told it, and the id that the transaction has there. */
export const participationPathSchema = z.object({
  coordinator: brokerName,
  id: requestIdSchema,
})
export type ParticipationPath = z.infer<typeof participationPathSchema>

/** When it was begun, in milliseconds since 1970 by the coordinator's clock: tells transactions of one id apart. */
const which = { startedAt: z.int() }

/** Body of `prepare`: what the transaction sends to Queues of the participant, and acknowledges there. */
export const prepareRequestSchema = z.strictObject({
  ...which,
  sends: z.array(sendSchema),
  acks: z.array(z.string()).max(MAX_ACKS),
})
export type PrepareRequest = z.infer<typeof prepareRequestSchema>

/** Answer of `prepare`. After a yes only the coordinator decides. */
export const voteSchema = z.discriminatedUnion('vote', [
  z.object({ vote: z.literal('yes'), queues: transactionQueuesSchema }),
  z.object({ vote: z.literal('no'), error: refusalSchema }),
])
export type Vote = z.infer<typeof voteSchema>

/** Body of `commit` and `abort`. */
export const decisionRequestSchema = z.strictObject(which)

/** Answer of `commit` and `abort`: whether it is carried out, and durable; else what that waits for. */
export const carriedOutSchema = z.object({
  done: z.boolean(),
  reason: z.string().optional(),
  queues: transactionQueuesSchema,
})
export type CarriedOut = z.infer<typeof carriedOutSchema>

/** Body of `ask`; `from`: the broker that asks. */
export const askRequestSchema = z.strictObject({ ...which, from: brokerName })

/** Answer of `ask`; `wait`: nothing is decided, with `inDoubt` before somebody does it by hand. */
export const decisionSchema = z.object({
  decision: z.enum(['commit', 'abort', 'wait']),
  inDoubt: z.boolean().optional(),
})
export type Decision = z.infer<typeof decisionSchema>
