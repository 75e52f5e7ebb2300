import type { MsgHdrs } from '@nats-io/transport-node'
import type { QueueSpec } from '../../crds/index.ts'
import { queueSubject } from '../../crds/protocol/subjects.ts'
import { subjectMatches } from '../wire/subject.ts'
import { ttlLeft } from '../delay/ttl.ts'
import type { StoredMessage } from '../jetstream/stored-message.ts'
import { streamShape } from '../lanes/lanes.ts'
import { copyHeader, headerValue, producersId, repeatedHeaders } from '../settlement/copied-headers.ts'
import { deadLetterHeader } from '../settlement/dead-letter.ts'

/** Where a message was: its stream, when that was created, and its sequence there. */
export interface Origin {
  readonly stream: string
  readonly created: string
}

/**
 * The id under which a copy is known, so that it is found where it was made and not confirmed. With the time at which the original was
 * stored, since after a loss of power its sequence may be given to another message. Pure.
 */
export const copyId = (origin: Origin, { seq, time }: Pick<StoredMessage, 'seq' | 'time'>): string =>
  `${copyIdPrefix(origin, seq)}${time.getTime()}`

/** What the id of a copy begins with, whenever the original was stored. Pure. */
export const copyIdPrefix = ({ stream, created }: Origin, sequence: number): string =>
  `moved:${stream}:${created}:${sequence}:`

/**
 * The headers of a copy: the message's own, its producer's id, what is left of its `Nats-TTL`, no trace of its being dead-lettered, and
 * no attempts yet. Undefined where its time is over. Pure.
 *
 * @param staysDead whether it is to tell why it was dead-lettered: where it goes is where dead letters are kept
 * @param now milliseconds since 1970
 */
export function copyHeaders(
  message: Pick<StoredMessage, 'headers' | 'time'>,
  now: number,
  staysDead = false,
): MsgHdrs | undefined {
  const all = repeatedHeaders(message.headers)
  const deadId = message.headers.find(([key]) => key === deadLetterHeader.messageId)?.[1]
  const isDead = message.headers.some(([key]) => key === deadLetterHeader.reason)
  const names = [...(staysDead ? [] : Object.values(deadLetterHeader)), ...Object.values(copyHeader)]
  for (const name of names) all.delete(name)
  const id = isDead ? deadId : producersId(message.headers)
  if (id !== undefined) all.set(copyHeader.messageId, id)
  all.set(copyHeader.attempts, '0')
  const ttl = headerValue(message.headers, 'Nats-TTL')
  if (ttl === undefined) return all
  const left = ttlLeft(ttl, now - message.time.getTime())
  if (left === undefined) return undefined
  all.set('Nats-TTL', left)
  return all
}

/**
 * Where a message of one Queue goes in another: to the same key, level or path, or, where that has no such, to what takes any message.
 * Undefined: the Queue takes none like it. Pure.
 *
 * @param subject that the message was published to
 */
export function targetSubject(source: string, subject: string, target: string, spec: QueueSpec): string | undefined {
  const { subjects } = streamShape(target, spec)
  const rest = subject.slice(queueSubject(source).length)
  return [`${queueSubject(target)}${rest}`, queueSubject(target)].find((candidate) =>
    subjects.some((pattern) => subjectMatches(pattern, candidate)),
  )
}
