import type { MsgHdrsImpl } from '@nats-io/transport-node'
import { parseQuantity, type QueueSpec } from '../../crds/index.ts'
import { queueSubject } from '../../crds/protocol/subjects.ts'
import { streamShape } from '../lanes/lanes.ts'
import { copyHeader, repeatedHeaders } from '../settlement/copied-headers.ts'
import { subjectMatches } from '../wire/subject.ts'
import { delayHeader, isStoredHeader, storedHeader } from './headers.ts'
import { ttlProblem } from './ttl.ts'
import { dueAt } from './when.ts'

/** What a copy has in headers beside the message's own, at most. Bytes. */
const COPY_HEADERS_BYTES = 512
/** What these ask for is decided where a publish is stored, which is later and elsewhere. */
const NOT_LATER = /^nats-(expected-|rollup|schedule|batch-)/i

/** nats-server's error codes, which clients know. */
const BAD_REQUEST = 10003
export const TOO_LARGE = 10054

/** An error as nats-server answers it to a publish. */
export interface PublishError {
  readonly code: number
  readonly err_code: number
  readonly description: string
}

export type DelayedPublish =
  | {
      readonly kind: 'store'
      readonly due: number
      readonly headers: MsgHdrsImpl
      readonly messageId: string | undefined
    }
  | { readonly kind: 'cancel'; readonly sequence: number }
  | { readonly kind: 'refuse'; readonly error: PublishError }

export interface ClientPublish {
  /** What follows the queue's name in the subject; empty: nothing. */
  readonly rest: string
  readonly headers: ReadonlyArray<readonly [key: string, value: string]>
  readonly bytes: number
}

/** What a publish to `delay.<queue>` or below it asks for. Pure; `now` in milliseconds since 1970. */
export function delayedPublish(queue: string, spec: QueueSpec, publish: ClientPublish, now: number): DelayedPublish {
  const values = (name: string): string[] =>
    publish.headers.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
  const [cancel] = values(delayHeader.cancel)
  if (cancel !== undefined) {
    return /^[1-9]\d{0,14}$/.test(cancel)
      ? { kind: 'cancel', sequence: Number(cancel) }
      : refuse(`${delayHeader.cancel} is ${JSON.stringify(cancel)}; write the "seq" that the publish was answered with`)
  }
  const subject = publish.rest === '' ? queueSubject(queue) : `${queueSubject(queue)}.${publish.rest}`
  const { subjects } = streamShape(queue, spec)
  if (!subjects.some((pattern) => subjectMatches(pattern, subject))) {
    const wanted = subjects.map((pattern) => pattern.replace(/^q\./, 'delay.')).slice(0, 12)
    return refuse(`delay.${subject.slice(2)} is no subject of this queue; publish to ${wanted.join(' or ')}`)
  }
  const due = dueAt(values(delayHeader.delay), values(delayHeader.at), now)
  if (typeof due === 'string') return refuse(due)
  const unusable = publish.headers.find(([key]) => NOT_LATER.test(key))
  if (unusable !== undefined) {
    return refuse(`${unusable[0]} cannot be used with a publish that comes later; leave it out`)
  }
  const [ttl] = values('Nats-TTL')
  const problem = ttl === undefined ? undefined : ttlProblem(ttl)
  if (problem !== undefined) return refuse(problem)
  const own = publish.headers.filter(([key]) => !isStoredHeader(key) && !isTimeHeader(key))
  const headers = repeatedHeaders(own)
  headers.delete(copyHeader.attempts)
  const [messageId] = values('Nats-Msg-Id')
  if (messageId === undefined) headers.delete(copyHeader.messageId)
  else headers.set(copyHeader.messageId, messageId)
  if (ttl !== undefined) headers.set(storedHeader.ttl, ttl)
  headers.set(storedHeader.due, String(due))
  headers.set(storedHeader.subject, subject)
  if (!fits(spec, publish.bytes, headers)) {
    return refuse(
      `the message is larger than maxMessageSize (${spec.retention.maxMessageSize}), its headers and those that a delay adds counted; make it smaller`,
      TOO_LARGE,
    )
  }
  return { kind: 'store', due, headers, messageId }
}

/** Whether the copy of a message with these headers will be no larger than the Queue takes. */
export const fits = (spec: QueueSpec, bodyBytes: number, headers: MsgHdrsImpl): boolean =>
  bodyBytes + headers.encode().length + COPY_HEADERS_BYTES <= parseQuantity(spec.retention.maxMessageSize)

const refuse = (description: string, err_code = BAD_REQUEST): DelayedPublish => ({
  kind: 'refuse',
  error: { code: 400, err_code, description },
})

const isTimeHeader = (name: string): boolean =>
  Object.values(delayHeader).some((own) => own.toLowerCase() === name.toLowerCase())
