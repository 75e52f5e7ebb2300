import { putSubject, queueStream } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { isOvertaken } from '../jetstream/overtaken.ts'
import { storedMessage } from '../jetstream/stored-message.ts'
import { copyHeader, producersId, repeatedHeaders } from './copied-headers.ts'

/** Of the id under which a copy is known. */
const idPrefix = (queue: string, created: string): string => `tail:${queue}:${created}:`

/** Whose copy a message is, by its `Nats-Msg-Id`; undefined when it is none of this stream. Pure. */
export function originalOfTail(id: string, queue: string, created: string): number | undefined {
  const prefix = idPrefix(queue, created)
  return id.startsWith(prefix) ? Number(id.slice(prefix.length)) : undefined
}

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
    await js.client.publish(putSubject(message.subject), message.data, {
      headers,
      msgID: `${idPrefix(queue, created)}${sequence}`,
      expect: { lastSubjectSequence: sequence },
    })
    return 'moved'
  } catch (error) {
    if (isOvertaken(error)) return 'gone'
    throw error
  }
}
