import { randomBytes } from 'node:crypto'
import { JetStreamApiError } from '@nats-io/jetstream'
import { type MsgHdrs, MsgHdrsImpl } from '@nats-io/transport-node'
import { z } from 'zod'
import type { JetStreamAccess } from './access.ts'
import { apiErrorSchema } from './request.ts'

/** Messages of an atomic batch at most, as nats-server has it. */
export const MAX_BATCH = 1000
/** nats-server's error code for a batch with a `Nats-Msg-Id` that the stream has already. */
const DUPLICATE_IN_BATCH = 10201

const answerSchema = z.union([
  z.object({ error: apiErrorSchema }),
  z.object({ seq: z.int(), duplicate: z.boolean().optional() }),
])

export interface BatchMessage {
  readonly subject: string
  readonly headers: MsgHdrs
  readonly data: Uint8Array | string
}

const DUPLICATE = {
  code: 400,
  err_code: DUPLICATE_IN_BATCH,
  description: 'the stream has a message of its Nats-Msg-Id',
}

/**
 * Stores messages in one stream, all or none, next to each other and with one sync; 1,000 at most. Not by the client library, whose
 * batches hide what the server said, and take no headers. The stream has to have `allow_atomic`.
 *
 * @returns the sequence of the last one
 * @throws JetStreamApiError nats-server refused all of it; anything else: it may be stored, now or in a moment
 */
export async function publishBatch(js: JetStreamAccess, messages: readonly BatchMessage[]): Promise<number> {
  const id = randomBytes(16).toString('hex')
  let last: Promise<unknown> | undefined
  // A batch costs nats-server files of its own, and one message is stored as a whole anyway.
  const isBatch = messages.length > 1
  for (const [index, { subject, headers, data }] of messages.entries()) {
    if (isBatch) headers.set('Nats-Batch-Id', id)
    if (isBatch) headers.set('Nats-Batch-Sequence', String(index + 1))
    if (index < messages.length - 1) js.connection.publish(subject, data, { headers })
    else {
      if (isBatch) headers.set('Nats-Batch-Commit', '1')
      last = js.connection
        .request(subject, data, { headers, timeout: js.timeoutMs })
        .then((answer): unknown => answer.json())
    }
  }
  const answer = answerSchema.parse(await last)
  if ('error' in answer) throw new JetStreamApiError(answer.error)
  if (answer.duplicate) throw new JetStreamApiError(DUPLICATE)
  return answer.seq
}

export const isDuplicateInBatch = (error: unknown): boolean =>
  error instanceof JetStreamApiError && error.code === DUPLICATE_IN_BATCH

/** What a stream without `allow_rollup_hdrs` refuses, after it has looked for a duplicate. */
const REFUSED_ROLLUP = 'probe'

/**
 * Resolves when nothing that this connection published to a stream before is still on its way: a stream takes what comes in one by one. Stores
 * nothing: what it publishes is refused.
 *
 * @param subject one of the stream's
 * @param messageId of a message that may be there
 * @returns the sequence of the message with that `Nats-Msg-Id`, if the stream remembers one
 */
export async function probe(js: JetStreamAccess, subject: string, messageId?: string): Promise<number | undefined> {
  const headers = new MsgHdrsImpl()
  headers.set('Nats-Rollup', REFUSED_ROLLUP)
  if (messageId !== undefined) headers.set('Nats-Msg-Id', messageId)
  const message = await js.connection.request(subject, '', { headers, timeout: js.timeoutMs })
  const json: unknown = message.json()
  const answer = answerSchema.parse(json)
  return 'error' in answer ? undefined : answer.seq
}
