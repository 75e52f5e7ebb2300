import { createHash } from 'node:crypto'
import { MAX_ACKS, MAX_QUEUES, MAX_SENDS, MAX_TRANSACTION_BYTES, type Send } from '../../crds/protocol/transaction.ts'
import { parseClientAck } from '../queue/held-acks.ts'
import type { Queue } from '../queue/queue.ts'
import { SidecarError } from '../sidecar-error.ts'
import type { AckSubject } from '../wire/ack-subject.ts'
import type { Peers } from '../peers/peers.ts'
import type { OtherContent } from './entry.ts'
import type { OtherPart, TransactionRecord } from './record.ts'
import { checkSend, type StagedSend, sizeOf, staged } from './sends.ts'
import { isLater, targetOf } from './target.ts'

export type Queues = ReadonlyMap<string, Queue>

/** This broker's Queues, and who keeps others; `peers` undefined: this broker's alone. */
export interface Reach {
  readonly queues: Queues
  readonly peers: Peers | undefined
}

/** Who keeps a Queue; undefined: this broker. Throws SidecarError QueueNotFound, or BrokerNotReady where that is not known yet. */
function keeperOf(name: string, { queues, peers }: Reach, field: string): string | undefined {
  if (queues.has(name)) return undefined
  const keeper = peers?.keeperOf(name)
  if (keeper !== undefined) return keeper
  if (peers?.areAwaited === true) {
    throw new SidecarError(
      'BrokerNotReady',
      `there is no queue ${JSON.stringify(name)} in this broker, and it was not told of the other brokers of its namespace since it started; ask again in a moment`,
      { field },
    )
  }
  const others = peers?.self === undefined ? '' : ', nor in another that it was told of'
  throw new SidecarError('QueueNotFound', `there is no queue ${JSON.stringify(name)} in this broker${others}`, {
    field,
  })
}

/** Adds sends to those that a transaction has. Throws SidecarError with what cannot be sent. */
export function addSends(before: readonly StagedSend[], sends: readonly Send[], reach: Reach): StagedSend[] {
  const all = [...before]
  for (const send of sends) {
    keeperOf(send.queue, reach, `sends[${all.length}].queue`)
    const one = staged(send, all.length)
    const queue = reach.queues.get(send.queue)
    if (queue !== undefined) checkSend(one, queue.spec, all.length)
    all.push(one)
  }
  const counts = new Map<string, number>()
  for (const send of all) counts.set(targetOf(send), (counts.get(targetOf(send)) ?? 0) + 1)
  const most = [...counts].find(([, count]) => count > MAX_SENDS)
  const tooMuch = (message: string): never => {
    throw new SidecarError('TransactionTooLarge', message, { field: 'sends' })
  }
  if (most !== undefined)
    tooMuch(
      `${most[1]} sends to ${isLater(most[0]) ? most[0] : `queue ${most[0]}`}; a transaction may have ${MAX_SENDS} to each, so make several of it`,
    )
  if (counts.size > MAX_QUEUES)
    tooMuch(`sends to ${counts.size} queues; a transaction may have ${MAX_QUEUES}, so make several of it`)
  const bytes = bytesOf(all)
  if (bytes > MAX_TRANSACTION_BYTES)
    tooMuch(`${bytes} bytes with headers; a transaction may have ${MAX_TRANSACTION_BYTES}, so make several of it`)
  return all
}

export const bytesOf = (sends: readonly StagedSend[]): number => sends.reduce((sum, send) => sum + sizeOf(send), 0)

/** Of the acknowledgement of a delivery, and which it is. */
export interface ClientAck {
  readonly subject: string
  readonly ack: AckSubject
}

/** Adds acknowledgements, each message once. Throws SidecarError where one is none. */
export function addAcks(before: readonly string[], subjects: readonly string[], reach: Reach): string[] {
  const all = parseAcks(before)
  const known = new Set(all.map(keyOf))
  for (const [index, subject] of subjects.entries()) {
    const ack = parseClientAck(subject)
    const field = `acks[${index}]`
    if (ack === undefined) {
      throw new SidecarError(
        'InvalidParameter',
        `${JSON.stringify(subject)} is no acknowledgement subject; write the reply subject of the delivery, which begins with $JS.ACK.`,
        { field },
      )
    }
    keeperOf(ack.stream, reach, field)
    const one = { subject, ack }
    if (known.has(keyOf(one))) continue
    known.add(keyOf(one))
    all.push(one)
  }
  if (all.length > MAX_ACKS) {
    throw new SidecarError(
      'TransactionTooLarge',
      `${all.length} acknowledgements; a transaction may have ${MAX_ACKS}, so make several of it`,
      { field: 'acks' },
    )
  }
  return all.map(({ subject }) => subject)
}

/** Of those that were added. */
export const parseAcks = (subjects: readonly string[]): ClientAck[] =>
  subjects.flatMap((subject) => {
    const ack = parseClientAck(subject)
    return ack === undefined ? [] : [{ subject, ack }]
  })

const keyOf = ({ ack: { stream, consumer, streamSequence } }: ClientAck): string =>
  `${stream} ${consumer} ${streamSequence}`

/** By Queue. */
export function acksByQueue(subjects: readonly string[]): Map<string, AckSubject[]> {
  return Map.groupBy(
    parseAcks(subjects).map(({ ack }) => ack),
    ({ stream }) => stream,
  )
}

/** A transaction's content, by who keeps the Queues. */
export interface Parts {
  readonly own: OtherContent
  /** By broker. */
  readonly others: ReadonlyMap<string, OtherContent>
  /** Of the Queues that others keep. */
  readonly kept: Record<string, OtherPart>
}

/** Parts what a transaction sends and acknowledges among the brokers. Throws SidecarError where nobody keeps a Queue any more, or it changed. */
export function partsOf(sends: readonly StagedSend[], acks: readonly string[], reach: Reach): Parts {
  const kept = new Map<string, OtherPart>()
  const own: { sends: StagedSend[]; acks: string[] } = { sends: [], acks: [] }
  const others = new Map<string, { sends: StagedSend[]; acks: string[] }>()
  const contentAt = (name: string, field: string, target: string, more: number): typeof own => {
    const broker = keeperOf(name, reach, field)
    if (broker === undefined) return own
    const content = others.get(broker) ?? { sends: [], acks: [] }
    others.set(broker, content)
    kept.set(target, { broker, sends: (kept.get(target)?.sends ?? 0) + more })
    return content
  }
  for (const [at, send] of sends.entries()) {
    const content = contentAt(send.queue, `sends[${at}].queue`, targetOf(send), 1)
    const queue = reach.queues.get(send.queue)
    if (queue !== undefined) checkSend(send, queue.spec, at)
    content.sends.push(send)
  }
  for (const [at, { subject, ack }] of parseAcks(acks).entries())
    contentAt(ack.stream, `acks[${at}]`, ack.stream, 0).acks.push(subject)
  return { own, others, kept: Object.fromEntries(kept) }
}

/** Those of this broker's messages. */
export const ownAcks = ({ acks, others }: TransactionRecord): string[] =>
  parseAcks(acks).flatMap(({ subject, ack }) => (Object.hasOwn(others, ack.stream) ? [] : [subject]))

export const digestOf = (content: unknown): string => createHash('sha256').update(JSON.stringify(content)).digest('hex')
