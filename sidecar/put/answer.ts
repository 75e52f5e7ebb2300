import { z } from 'zod'
import { apiErrorSchema } from '../jetstream/request.ts'
import { jsonOf } from '../wire/json.ts'
import type { Frame } from './frames.ts'

const answerSchema = z.union([
  z.object({ error: apiErrorSchema }),
  z.object({ stream: z.string(), seq: z.int().positive(), batch: z.string(), count: z.int().positive() }),
])

/** What nats-server said to a batch. */
export type BatchAnswer =
  /** All of it is stored, one after the other from `first` on. */
  | { readonly kind: 'stored'; readonly stream: string; readonly first: number }
  /** Nothing of it is. */
  | { readonly kind: 'refused' }
  /** Nor is there a stream that takes it. */
  | { readonly kind: 'noStream' }
  /** It cannot be said which. */
  | { readonly kind: 'unknown' }

/**
 * Reads the answer to a batch. Sequences are only given where it is certain that they are those of its messages: where the answer names the
 * batch, and has counted as many as there are in it. Pure.
 */
export function batchAnswer(frame: Frame, batch: string, count: number): BatchAnswer {
  if (isNoResponders(frame)) return { kind: 'noStream' }
  const parsed = answerSchema.safeParse(jsonOf(frame.payload.toString('utf8', frame.headerBytes)))
  if (!parsed.success) return { kind: 'unknown' }
  const answer = parsed.data
  if ('error' in answer) return { kind: 'refused' }
  if (answer.batch !== batch || answer.count !== count || answer.seq < count) return { kind: 'unknown' }
  return { kind: 'stored', stream: answer.stream, first: answer.seq - count + 1 }
}

/** As nats-server writes it. */
export const pubAck = (stream: string, sequence: number): string => `{"stream":"${stream}", "seq":${sequence}}`

/** As nats-server writes it where it has no room. */
export const noRoom = (stream: string): string =>
  JSON.stringify({ error: { code: 503, err_code: 10023, description: 'insufficient resources' }, stream, seq: 0 })

/** What follows the reply subject in the frame that says that nobody is there. */
export const NO_RESPONDERS = ' 16 16\r\nNATS/1.0 503\r\n\r\n\r\n'

const isNoResponders = ({ headerBytes, payload }: Frame): boolean =>
  headerBytes > 0 && headerBytes === payload.length && payload.toString('latin1', 0, 12) === 'NATS/1.0 503'
