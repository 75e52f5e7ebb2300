import { JetStreamApiError } from '@nats-io/jetstream'
import type { Copied } from '../../crds/protocol/copies.ts'
import { putSubject, queueStream } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { orMissing } from '../jetstream/ensure.ts'
import { isOvertaken } from '../jetstream/overtaken.ts'
import { isUntaken } from '../jetstream/untaken.ts'
import type { StoredMessage } from '../jetstream/stored-message.ts'
import { walk } from '../jetstream/walk.ts'
import { movesToTail } from '../lanes/lanes.ts'
import type { Queue } from '../queue/queue.ts'
import { copyHeaders, copyId, copyIdPrefix, type Origin as CopyOrigin, targetSubject } from './copy.ts'

/** nats-server's error codes for a stream at its limits, or a broker at its: there may be room later. */
const NO_ROOM = [10077, 10047, 10023, 10028, 10002]
const MESSAGE_TOO_LARGE = 10054

export interface Origin extends CopyOrigin {
  /** The Queue that the messages are, or were, in. */
  readonly queue: string
  /** Whether they are dead letters, and stay that where they go. */
  readonly staysDead?: boolean
}

/** Resolves when the copy is stored, or it is known why not. @param subject that the message was published to */
export async function copyTo(
  js: JetStreamAccess,
  target: Queue,
  origin: Origin,
  message: StoredMessage,
  subject: string,
): Promise<Copied> {
  const { name, spec } = target
  const to = targetSubject(origin.queue, subject, name, spec)
  if (to === undefined) return { kind: 'left', why: `queue ${name} takes no message of subject ${subject}` }
  const headers = copyHeaders(message, Date.now(), origin.staysDead)
  if (headers === undefined) return { kind: 'left', why: 'its Nats-TTL is over' }
  try {
    await js.client.publish(putSubject(to), message.data, {
      headers,
      msgID: copyId(origin, message),
      ...(movesToTail(spec) ? { expect: { lastSubjectSequence: 0 } } : {}),
    })
    return { kind: 'copied' }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const code = error instanceof JetStreamApiError ? error.code : undefined
    if (isOvertaken(error)) return { kind: 'left', why: `queue ${name} has a newer message of key ${to}` }
    if (code === MESSAGE_TOO_LARGE) return { kind: 'left', why: `queue ${name} takes no message so large` }
    if (code !== undefined && NO_ROOM.includes(code)) {
      return { kind: 'later', why: `queue ${name} is full (${error.message}); goes on when there is room` }
    }
    if (isUntaken(error)) {
      return { kind: 'later', why: `queue ${name} takes no messages at the moment; tries again` }
    }
    return { kind: 'later', why: `nats-server did not answer (${error.message}); tries again` }
  }
}

/** Of originals whose copies may have been made: those whose copies are in the target, which keeps them until this is known. */
export async function findCopies(
  js: JetStreamAccess,
  origin: Origin,
  target: string,
  { sequences, after }: { readonly sequences: readonly number[]; readonly after: number },
): Promise<number[]> {
  const stream = await orMissing(js.manager.streams.info(queueStream(target)))
  if (stream === undefined) return []
  const open = new Map(sequences.map((sequence) => [copyIdPrefix(origin, sequence), sequence]))
  const found: number[] = []
  for await (const { headers } of walk(js, stream, { from: after + 1, to: stream.state.last_seq })) {
    const id = headers.find(([key]) => key.toLowerCase() === 'nats-msg-id')?.[1] ?? ''
    const prefix = id.slice(0, id.lastIndexOf(':') + 1)
    const sequence = open.get(prefix)
    if (sequence === undefined) continue
    open.delete(prefix)
    found.push(sequence)
    if (open.size === 0) break
  }
  return found.toSorted((a, b) => a - b)
}
