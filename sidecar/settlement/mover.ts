import { deadLetterSubject, queueStream } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { type StoredMessage, storedMessage } from '../jetstream/stored-message.ts'
import type { Mutex } from '../mutex.ts'
import type { DeadLetterReason } from '../settle/settle.ts'
import { attemptsBefore } from './copied-headers.ts'
import { deadLetterHeaders, moveId } from './dead-letter.ts'

export interface Move {
  readonly group: string
  readonly sequence: number
  readonly reason: DeadLetterReason
  /** Deliveries of the message where it is; those from before it was copied there are added. */
  readonly attempts: number
  readonly error?: string
}

/**
 * Copies a message to the dead letters and waits until the copy is acknowledged; only then may the caller settle the original.
 * A crash between the two leaves a second copy to be made, which deduplication drops.
 *
 * @param turns the copies go out in the order of the calls, however long each message took to be read
 * @returns `gone` when the message is no longer in the stream (expired, evicted, deleted by hand)
 */
export async function moveToDeadLetters(
  js: JetStreamAccess,
  queue: string,
  created: string,
  move: Move,
  turns: Mutex,
): Promise<'moved' | 'gone'> {
  const reading = storedMessage(js, queueStream(queue), move.sequence)
  // Whoever waits for a turn hears of a failure then; until then nobody does, which is no error.
  reading.catch(() => undefined)
  const message = await turns.run(() => reading)
  if (message === undefined) return 'gone'
  await copyToDeadLetters(js, queue, created, move, message)
  return 'moved'
}

/** Resolves when the copy is stored; the same one again is stored once. */
export async function copyToDeadLetters(
  js: JetStreamAccess,
  queue: string,
  created: string,
  move: Move,
  message: StoredMessage,
): Promise<void> {
  const attempts = attemptsBefore(message.headers) + move.attempts
  const letter = { ...move, attempts, queue, created, error: move.error, publishedAt: message.time }
  await js.client.publish(deadLetterSubject(queue), message.data, {
    msgID: moveId(letter),
    headers: deadLetterHeaders({
      ...letter,
      subject: message.subject,
      own: message.headers,
      at: new Date(),
    }),
  })
}
