import { MsgHdrsImpl } from '@nats-io/transport-node'
import type { StoredMessage } from '../jetstream/stored-message.ts'

type Headers = StoredMessage['headers']

/** Headers that a copy in the Queue itself has beside the message's own. */
export const copyHeader = {
  /** How often the message was delivered before. */
  attempts: 'Pillion-Attempts',
  /** The producer's own `Nats-Msg-Id`, whose place the move's id takes. */
  messageId: 'Pillion-Msg-Id',
  /** Of a message that waited for its time: the sequence that it had then. */
  delayedSequence: 'Pillion-Delayed-Sequence',
} as const

/** Of a message that a transaction sent: `<id>/<queue>`, by which it is seen that the transaction is carried out in that Queue. */
export const TRANSACTION_HEADER = 'Pillion-Transaction'

/** JetStream acts on these, and what they asked for was done when the message was first stored. */
const NOT_REPEATED =
  /^nats-(msg-id|expected-|ttl|rollup|schedule|batch-|stream|sequence|time-stamp|subject|last-sequence)/i

/** A message's own headers for a copy of it. */
export function repeatedHeaders(own: Headers): MsgHdrsImpl {
  const all = new MsgHdrsImpl()
  for (const [key, value] of own) {
    // Past `append`, which refuses keys that a producer in another language may have used.
    if (!NOT_REPEATED.test(key)) all.headers.set(key, [...(all.headers.get(key) ?? []), value])
  }
  return all
}

/** Deliveries of the message before it was copied to where it is. */
export function attemptsBefore(own: Headers): number {
  const attempts = Number(headerValue(own, copyHeader.attempts) ?? 0)
  return Number.isSafeInteger(attempts) && attempts > 0 ? attempts : 0
}

/** The id that the producer gave a message; of a copy, the one of its original. */
export function producersId(own: Headers): string | undefined {
  const isCopy = [copyHeader.attempts, copyHeader.delayedSequence].some((name) => headerValue(own, name) !== undefined)
  const id = headerValue(own, isCopy ? copyHeader.messageId : 'Nats-Msg-Id')
  const transaction = headerValue(own, TRANSACTION_HEADER)
  return transaction !== undefined && id?.startsWith(`${transaction}/`) ? undefined : id
}

/** The first value of a header, whose name is taken in any case. */
export const headerValue = (own: Headers, name: string): string | undefined =>
  own.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1]
