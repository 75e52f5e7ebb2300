import { z } from 'zod'

/** What may be looked at: a Queue's messages, or its dead letters. */
export const SOURCES = ['messages', 'dead-letters'] as const
export type Source = (typeof SOURCES)[number]

/** One message as it is stored; looking at it changes nothing. */
export const browsedMessageSchema = z.object({
  sequence: z.int().min(1),
  /** As the producer published to it. */
  subject: z.string(),
  /** When it was stored, RFC 3339. */
  time: z.string(),
  headers: z.record(z.string(), z.array(z.string())),
  /** Bytes of the whole body. */
  size: z.int().min(0),
  body: z.string(),
  /** `base64` where the body is not valid UTF-8. */
  encoding: z.enum(['text', 'base64']),
  /** Whether `body` is only the beginning. */
  truncated: z.boolean(),
})
export type BrowsedMessage = z.infer<typeof browsedMessageSchema>

/** Answer of `GET /queues/<name>/messages` and `…/dead-letters`. */
export const browsePageSchema = z.object({
  messages: z.array(browsedMessageSchema),
  /** `from` of the next page; null: this is the last. A page may have fewer than `limit` messages, or none, and a next one. */
  next: z.int().min(1).nullable(),
  /** Messages in the stream, whatever `subject` says. */
  total: z.int().min(0),
})
export type BrowsePage = z.infer<typeof browsePageSchema>
