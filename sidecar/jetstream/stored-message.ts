import { JetStreamApiError } from '@nats-io/jetstream'
import { z } from 'zod'
import type { JetStreamAccess } from './access.ts'
import { apiRequest } from './request.ts'

/** A message as the stream has it. */
export interface StoredMessage {
  readonly seq: number
  readonly subject: string
  readonly time: Date
  /** As the producer wrote them, in order; keys are not checked, since they were not when the message was accepted. */
  readonly headers: ReadonlyArray<readonly [key: string, value: string]>
  /** What they took. */
  readonly headerBytes: number
  readonly data: Uint8Array
}

const responseSchema = z.object({
  message: z.object({
    seq: z.int(),
    subject: z.string(),
    time: z.string(),
    hdrs: z.string().default(''),
    data: z.string().default(''),
  }),
})

/** nats-server's error code for a sequence at which there is no message. */
const NO_MESSAGE = 10037

/**
 * Reads one message; undefined when it is gone. Not by the client library, which refuses to read headers whose keys it would not
 * write, and a message with such a header has to be moved like any other.
 */
export const storedMessage = (js: JetStreamAccess, stream: string, seq: number): Promise<StoredMessage | undefined> =>
  get(js, stream, { seq })

/** The first message of a subject, wildcards allowed, at `from` or above it. */
export const nextOf = (
  js: JetStreamAccess,
  stream: string,
  subject: string,
  from: number,
): Promise<StoredMessage | undefined> => get(js, stream, { seq: from, next_by_subj: subject })

/** The first message that was stored at `time` or later. */
export const firstSince = (js: JetStreamAccess, stream: string, time: Date): Promise<StoredMessage | undefined> =>
  get(js, stream, { start_time: time.toISOString(), next_by_subj: '>' })

/** Every message of a stream from `first` on, oldest first. */
export async function* readStored(
  js: JetStreamAccess,
  stream: string,
  first: number,
): AsyncGenerator<StoredMessage, void, undefined> {
  for (let next = Math.max(1, first); ; ) {
    const message = await get(js, stream, { seq: next, next_by_subj: '>' })
    if (message === undefined) return
    yield message
    next = message.seq + 1
  }
}

/** The last message of a subject. */
export const lastOf = (js: JetStreamAccess, stream: string, subject: string): Promise<StoredMessage | undefined> =>
  get(js, stream, { last_by_subj: subject })

type GetRequest =
  | { readonly seq: number; readonly next_by_subj?: string }
  | { readonly last_by_subj: string }
  | { readonly start_time: string; readonly next_by_subj: string }

async function get(js: JetStreamAccess, stream: string, request: GetRequest): Promise<StoredMessage | undefined> {
  const answer = await apiRequest(js, `STREAM.MSG.GET.${stream}`, request, responseSchema).catch((error: unknown) => {
    if (error instanceof JetStreamApiError && error.code === NO_MESSAGE) return undefined
    throw error
  })
  if (answer === undefined) return undefined
  const { message } = answer
  const headers = Buffer.from(message.hdrs, 'base64')
  return {
    seq: message.seq,
    subject: message.subject,
    time: new Date(message.time),
    headers: parseHeaders(headers.toString()),
    headerBytes: headers.length,
    data: Buffer.from(message.data, 'base64'),
  }
}

/** `NATS/1.0\r\nkey: value\r\n…\r\n\r\n`; a line that is no header is left out. */
export function parseHeaders(block: string): Array<[string, string]> {
  const headers: Array<[string, string]> = []
  for (const line of block.split('\r\n').slice(1)) {
    const colon = line.indexOf(':')
    if (colon > 0) headers.push([line.slice(0, colon), line.slice(colon + 1).trim()])
  }
  return headers
}
