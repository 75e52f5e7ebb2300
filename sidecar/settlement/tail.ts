import { JetStreamApiError } from '@nats-io/jetstream'
import { queueStream } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { storedMessage } from '../jetstream/stored-message.ts'
import { copyHeader, producersId, repeatedHeaders } from './copied-headers.ts'

/** nats-server's error code: a newer message of the key is there. */
const WRONG_LAST_SEQUENCE = 10071

/**
 * Moves a message of a Queue with one message a key to the tail: its copy takes its place in one step, unless a newer message of
 * the key did so before.
 *
 * @param attempts deliveries so far
 * @returns `gone` when the message is no longer in the stream, or was replaced
 */
export async function moveToTail(
  js: JetStreamAccess,
  queue: string,
  created: string,
  { sequence, attempts }: { readonly sequence: number; readonly attempts: number },
): Promise<'moved' | 'gone'> {
  const message = await storedMessage(js, queueStream(queue), sequence)
  if (message === undefined) return 'gone'
  const headers = repeatedHeaders(message.headers)
  const id = producersId(message.headers)
  if (id !== undefined) headers.set(copyHeader.messageId, id)
  headers.set(copyHeader.attempts, String(attempts))
  try {
    await js.client.publish(message.subject, message.data, {
      headers,
      msgID: `tail:${queue}:${created}:${sequence}`,
      expect: { lastSubjectSequence: sequence },
    })
    return 'moved'
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE) return 'gone'
    throw error
  }
}
