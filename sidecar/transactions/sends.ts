import { MsgHdrsImpl } from '@nats-io/transport-node'
import { parseQuantity, type QueueSpec } from '../../crds/index.ts'
import { queueSubject } from '../../crds/protocol/subjects.ts'
import type { Send } from '../../crds/protocol/transaction.ts'
import { delayHeader, isStoredHeader } from '../delay/headers.ts'
import { type DelayedPublish, delayedPublish, TOO_LARGE } from '../delay/publish.ts'
import { ttlProblem } from '../delay/ttl.ts'
import { dueAt } from '../delay/when.ts'
import { streamShape } from '../lanes/lanes.ts'
import { TRANSACTION_HEADER } from '../settlement/copied-headers.ts'
import { SidecarError } from '../sidecar-error.ts'
import { subjectMatches } from '../wire/subject.ts'
import { targetOf } from './target.ts'

/** A send as it is staged and stored. */
export interface StagedSend {
  readonly queue: string
  readonly subject: string
  readonly headers: ReadonlyArray<readonly [key: string, value: string]>
  /** Base64. */
  readonly body: string
}

/** What nats-server adds to the headers of a message of a batch, and we do, at most. Bytes. */
const BATCH_HEADERS_BYTES = 512
/** These ask for what a batch cannot have, or what is ours to say. */
const NOT_IN_BATCH = /^(nats-(expected-|rollup|schedule|batch-|incr|required-|marker-)|pillion-transaction$)/i

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

export const headerOf = ({ headers }: StagedSend, name: string): string | undefined =>
  headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1]

/**
 * A send as it will be stored. Throws SidecarError with what a transaction cannot have.
 *
 * @param at how many sends the transaction has before it
 */
export function staged(send: Send, at: number): StagedSend {
  const field = (name: string): { field: string } => ({ field: `sends[${at}].${name}` })
  const subject = send.rest === '' ? queueSubject(send.queue) : `${queueSubject(send.queue)}.${send.rest}`
  const headers = Object.entries(send.headers).flatMap(([key, values]) =>
    [values].flat().map((value): [string, string] => [key, value]),
  )
  for (const [key, value] of headers) {
    const name = key.toLowerCase()
    if (name === delayHeader.cancel.toLowerCase()) {
      throw new SidecarError(
        'InvalidParameter',
        `${key} cannot be used in a transaction; publish it to delay.${send.queue}`,
        field('headers'),
      )
    }
    if (NOT_IN_BATCH.test(key) || isStoredHeader(key)) {
      throw new SidecarError(
        'InvalidParameter',
        `${key} cannot be used in a transaction; leave it out`,
        field('headers'),
      )
    }
    const problem = name === 'nats-ttl' ? ttlProblem(value) : undefined
    if (problem !== undefined) throw new SidecarError('InvalidParameter', problem, field('headers'))
  }
  const { delay, at: time } = timesOf(headers)
  const due = delay.length + time.length === 0 ? 0 : dueAt(delay, time, Date.now())
  if (typeof due === 'string') throw new SidecarError('InvalidParameter', due, field('headers'))
  if (send.encoding === 'base64' && !BASE64.test(send.body))
    throw new SidecarError('InvalidParameter', 'body is not base64', field('body'))
  const body = Buffer.from(send.body, send.encoding === 'base64' ? 'base64' : 'utf8')
  return { queue: send.queue, subject, headers, body: body.toString('base64') }
}

/** When it is to come, as its headers say. */
function timesOf(headers: StagedSend['headers']): { readonly delay: string[]; readonly at: string[] } {
  const values = (wanted: string): string[] =>
    headers.flatMap(([key, value]) => (key.toLowerCase() === wanted.toLowerCase() ? [value] : []))
  return { delay: values(delayHeader.delay), at: values(delayHeader.at) }
}

/** What a send that comes later would be as a publish of its own. @param now when it is sent; milliseconds since 1970 */
export const publishedLater = (
  { queue, subject, headers, body }: StagedSend,
  spec: QueueSpec,
  now: number,
): DelayedPublish =>
  delayedPublish(
    queue,
    spec,
    { rest: subject.slice(queueSubject(queue).length + 1), headers, bytes: Buffer.byteLength(body, 'base64') },
    now,
  )

/** Throws SidecarError with what the Queue would refuse a publish for. @param at see `staged` */
export function checkSend(send: StagedSend, spec: QueueSpec, at: number): void {
  const { queue, subject } = send
  const { subjects } = streamShape(queue, spec)
  const isLiteral = !/[*>\s]/.test(subject) && subject.split('.').every((token) => token !== '')
  if (!isLiteral || !subjects.some((pattern) => subjectMatches(pattern, subject))) {
    const wanted = subjects.slice(0, 12).join(' or ')
    throw new SidecarError(
      'InvalidParameter',
      `${JSON.stringify(subject)} is no subject of queue ${queue}; it takes ${wanted}, so set rest to what follows q.${queue}`,
      { field: `sends[${at}].rest` },
    )
  }
  if (targetOf(send) !== queue) {
    const asked = publishedLater(send, spec, Date.now())
    if (asked.kind !== 'refuse') return
    const { description, err_code } = asked.error
    if (err_code === TOO_LARGE) throw new SidecarError('MessageTooLarge', description, { field: `sends[${at}].body` })
    throw new SidecarError('InvalidParameter', description, { field: `sends[${at}].headers` })
  }
  if (sizeOf(send) > parseQuantity(spec.retention.maxMessageSize)) {
    throw new SidecarError(
      'MessageTooLarge',
      `the message is larger than maxMessageSize of queue ${queue} (${spec.retention.maxMessageSize}), its headers and those of a transaction counted; make it smaller`,
      { field: `sends[${at}].body` },
    )
  }
}

/** The send that it is staged from. */
export function unstaged({ queue, subject, headers, body }: StagedSend): Send {
  const byKey = [...Map.groupBy(headers, ([key]) => key)].map(([key, all]) => [key, all.map(([, value]) => value)])
  const rest = subject.slice(queueSubject(queue).length + 1)
  return { queue, rest, headers: Object.fromEntries(byKey), body, encoding: 'base64' }
}

/** What a message takes at most. Bytes. */
export const sizeOf = (send: StagedSend): number =>
  Buffer.byteLength(send.body, 'base64') +
  send.headers.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value) + 4, 0) +
  BATCH_HEADERS_BYTES

/** By which the sends of a transaction are known where they go. */
export const markOf = (transaction: string, target: string): string => `${transaction}/${target}`

/** The headers of a message that is stored. @param at how many sends the transaction has to its Queue before it */
export function storedHeaders(transaction: string, send: StagedSend, at: number): MsgHdrsImpl {
  const all = new MsgHdrsImpl()
  for (const [key, value] of send.headers) all.headers.set(key, [...(all.headers.get(key) ?? []), value])
  const mark = markOf(transaction, send.queue)
  all.set(TRANSACTION_HEADER, mark)
  // What is on its way from a process that is no more is a duplicate then.
  if (headerOf(send, 'Nats-Msg-Id') === undefined) all.set('Nats-Msg-Id', `${mark}/${at}`)
  return all
}
