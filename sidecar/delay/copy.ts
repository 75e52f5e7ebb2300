import { JetStreamApiError } from '@nats-io/jetstream'
import { errors, type MsgHdrsImpl } from '@nats-io/transport-node'
import type { QueueSpec } from '../../crds/index.ts'
import { putSubject, queueStream, queueSubject } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { isOvertaken } from '../jetstream/overtaken.ts'
import { lastOf, type StoredMessage } from '../jetstream/stored-message.ts'
import { movesToTail } from '../lanes/lanes.ts'
import { copyHeader, headerValue, repeatedHeaders } from '../settlement/copied-headers.ts'
import { isStoredHeader, storedHeader } from './headers.ts'
import { mayExpire, ttlLeft } from './ttl.ts'

/** How often a publish that replaces the last message of its key is tried while others do the same. */
const TRIES = 100

/** A delayed message. Its time belongs to it, since after a loss of power a sequence may be given to another one. */
export interface Original {
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly storedAt: number
}

/** Of the id under which a copy is known: the same one made twice is stored once. */
const idPrefix = (queue: string, created: string): string => `delayed:${queue}:${created}:`

/** Whose copy a message of the Queue is, by its `Nats-Msg-Id`; undefined when it is none of this delayed stream. */
export function originalOf(id: string, queue: string, created: string): Original | undefined {
  const prefix = idPrefix(queue, created)
  if (!id.startsWith(prefix)) return undefined
  const [sequence, storedAt] = id.slice(prefix.length).split(':')
  return { sequence: Number(sequence), storedAt: Number(storedAt) }
}

export interface Copy {
  readonly subject: string
  readonly headers: MsgHdrsImpl
  /** Whether it ends by a `Nats-TTL` of its own. */
  readonly expires: boolean
  /** Milliseconds since 1970. */
  readonly due: number
}

/** The message that comes out of a delayed one that is due; undefined when its `Nats-TTL` is over. Pure. */
export function copyOf({ seq, headers: own }: StoredMessage, queue: string, now: number): Copy | undefined {
  const due = Number(headerValue(own, storedHeader.due) ?? now)
  const headers = repeatedHeaders(own.filter(([key]) => !isStoredHeader(key)))
  headers.set(copyHeader.delayedSequence, String(seq))
  const ttl = headerValue(own, storedHeader.ttl)
  if (ttl !== undefined) {
    const left = ttlLeft(ttl, Math.max(0, now - due))
    if (left === undefined) return undefined
    headers.set('Nats-TTL', left)
  }
  const expires = ttl !== undefined && mayExpire([['Nats-TTL', ttl]])
  return { subject: headerValue(own, storedHeader.subject) ?? queueSubject(queue), headers, expires, due }
}

/**
 * Publishes a copy to its Queue. Throws what nats-server said when it refused it (see `isRefusal`), and anything else when it is
 * not known whether it is stored.
 *
 * @returns its sequence, or `replaced` where a newer message of its key took its place before
 */
export async function publishCopy(
  js: JetStreamAccess,
  queue: { readonly name: string; readonly spec: QueueSpec },
  { sequence, storedAt, created }: Original & { readonly created: string },
  { subject, headers, due }: Copy,
  data: Uint8Array,
): Promise<number | 'replaced'> {
  const msgID = `${idPrefix(queue.name, created)}${sequence}:${storedAt}`
  if (!movesToTail(queue.spec)) return (await js.client.publish(putSubject(subject), data, { headers, msgID })).seq
  for (let tries = 1; ; tries++) {
    const last = await lastOf(js, queueStream(queue.name), subject)
    // It came after this one was due: as if this one had been stored in time, and replaced.
    if (last !== undefined && last.time.getTime() > due) return 'replaced'
    try {
      const expect = { lastSubjectSequence: last?.seq ?? 0 }
      return (await js.client.publish(putSubject(subject), data, { headers, msgID, expect })).seq
    } catch (error) {
      if (!isOvertaken(error) || tries >= TRIES) throw error
    }
  }
}

/** Whether nats-server said that the publish was not stored. */
export function isRefusal(error: unknown): boolean {
  if (error instanceof JetStreamApiError) return true
  const cause = error instanceof Error ? error.cause : undefined
  // Nobody listens there: no subject of the stream.
  return cause instanceof errors.RequestError && cause.isNoResponders()
}
