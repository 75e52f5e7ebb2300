import type { MsgHdrs } from '@nats-io/transport-node'
import type { DeadLetterReason } from '../settle/settle.ts'

import { copyHeader, producersId, repeatedHeaders } from './copied-headers.ts'

/** Headers of a dead letter, beside the message's own. */
export const deadLetterHeader = {
  reason: 'Pillion-Dead-Letter-Reason',
  queue: 'Pillion-Dead-Letter-Queue',
  group: 'Pillion-Dead-Letter-Group',
  sequence: 'Pillion-Dead-Letter-Sequence',
  subject: 'Pillion-Dead-Letter-Subject',
  attempts: 'Pillion-Dead-Letter-Attempts',
  publishedAt: 'Pillion-Dead-Letter-Published-At',
  at: 'Pillion-Dead-Letter-At',
  error: 'Pillion-Dead-Letter-Error',
  /** The producer's own `Nats-Msg-Id`, whose place the move's id takes. */
  messageId: 'Pillion-Dead-Letter-Msg-Id',
} as const

export interface DeadLetter {
  readonly queue: string
  readonly group: string
  /** When the queue's stream was created: its sequences are unique together with it. */
  readonly created: string
  readonly sequence: number
  readonly subject: string
  /** When the message was stored. */
  readonly publishedAt: Date
  /** The message's own headers. */
  readonly own: ReadonlyArray<readonly [key: string, value: string]>
  readonly reason: DeadLetterReason
  readonly attempts: number
  readonly error: string | undefined
  readonly at: Date
}

/**
 * The id under which a move is known: the same move made twice is stored once. With the time, since after a loss of power a sequence
 * may be given to another message.
 */
export const moveId = (d: Pick<DeadLetter, 'queue' | 'group' | 'created' | 'sequence' | 'publishedAt'>): string =>
  `dlq:${d.queue}:${d.group}:${d.created}:${d.sequence}:${d.publishedAt.getTime()}`

export function deadLetterHeaders(d: DeadLetter): MsgHdrs {
  const all = repeatedHeaders(d.own)
  for (const name of Object.values(copyHeader)) all.delete(name)
  const id = producersId(d.own)
  if (id !== undefined) all.set(deadLetterHeader.messageId, id)
  all.set(deadLetterHeader.reason, d.reason)
  all.set(deadLetterHeader.queue, d.queue)
  all.set(deadLetterHeader.group, d.group)
  all.set(deadLetterHeader.sequence, String(d.sequence))
  all.set(deadLetterHeader.subject, d.subject)
  all.set(deadLetterHeader.attempts, String(d.attempts))
  all.set(deadLetterHeader.publishedAt, d.publishedAt.toISOString())
  all.set(deadLetterHeader.at, d.at.toISOString())
  if (d.error !== undefined) all.set(deadLetterHeader.error, oneLine(d.error))
  return all
}

// A header cannot span lines, and a consumer's error may be a whole stack.
const oneLine = (text: string): string =>
  text
    .replaceAll(/[\r\n\t]+/g, ' | ')
    .trim()
    .slice(0, 1024)
