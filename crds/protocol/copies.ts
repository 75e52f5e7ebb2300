import { z } from 'zod'
import { requestIdSchema } from '../schema/request-id.ts'
import { MAX_MESSAGE_BYTES } from './subjects.ts'

/** What the messages of a batch take, headers and all, but for the one that fills it. Bytes. */
export const COPY_BATCH_BYTES = 4 * 1024 * 1024
/** As base64, in JSON, a batch and the message that fills it take less. */
export const MAX_COPIES_BODY_BYTES = 2 * (COPY_BATCH_BYTES + MAX_MESSAGE_BYTES)

/**
 * What a sidecar asks of another when a `move` goes from one broker to the other: `PUT /copies/<queue>/<operation>/<batch>` has messages
 * copied, `DELETE` of the same tells which of them were, and lets none come after that; `DELETE /copies/<queue>/<operation>` forgets both.
 * Batches of an operation are numbered from 1 on.
 */
export const copyBatchSchema = z.strictObject({
  origin: z.strictObject({
    /** The Queue that the messages are, or were, in. */
    queue: z.string().min(1),
    stream: z.string().min(1),
    /** When that stream was created: its sequences are unique together with it. */
    created: z.string().min(1),
  }),
  messages: z
    .array(
      z.strictObject({
        sequence: z.int().min(1),
        /** As published to. */
        subject: z.string().min(1),
        /** RFC 3339. */
        time: z.iso.datetime(),
        headers: z.array(z.tuple([z.string(), z.string()])),
        data: z.string().refine(isBase64, 'has to be base64'),
      }),
    )
    .min(1)
    .max(1000),
})
export type CopyBatch = z.infer<typeof copyBatchSchema>

/** What became of a copy: it is there; it cannot be, so the message stays; it may be there, or can be later. */
export const copiedSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('copied') }),
  z.object({ kind: z.literal('left'), why: z.string() }),
  z.object({ kind: z.literal('later'), why: z.string() }),
])
export type Copied = z.infer<typeof copiedSchema>

/** Answer of `PUT`: of each message, in their order. */
export const copyResultsSchema = z.object({ results: z.array(copiedSchema) })

/** Answer of `DELETE` of a batch: the sequences that there are copies of. */
export const copiesFoundSchema = z.object({ copied: z.array(z.int()) })

/** How a move reaches a Queue that another broker keeps. */
export const otherBrokerSchema = z.strictObject({
  /** Of its sidecar: `http://<host>:<port>`. */
  url: z.url({ protocol: /^https?$/ }),
  /** That its sidecar wants to see; none in embedded mode. Not kept: after a restart the operation waits until it is told again. */
  token: z.string().optional(),
})
export type OtherBroker = z.infer<typeof otherBrokerSchema>

/** The operation and the batch in a path. */
export const copyPathSchema = z.object({ id: requestIdSchema, batch: z.coerce.number().int().min(1) })

/** By length and letters alone: a pattern of groups takes a stack as deep as a body is long. */
function isBase64(text: string): boolean {
  return text.length % 4 === 0 && !/[^A-Za-z0-9+/=]/.test(text)
}
