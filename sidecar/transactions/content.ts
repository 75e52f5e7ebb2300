import { createHash } from 'node:crypto'
import { MAX_ACKS, MAX_QUEUES, MAX_SENDS, MAX_TRANSACTION_BYTES, type Send } from '../../crds/protocol/transaction.ts'
import { parseClientAck } from '../queue/held-acks.ts'
import type { Queue } from '../queue/queue.ts'
import { SidecarError } from '../sidecar-error.ts'
import type { AckSubject } from '../wire/ack-subject.ts'
import { type StagedSend, sizeOf, staged } from './sends.ts'

export type Queues = ReadonlyMap<string, Queue>

/** Adds sends to those that a transaction has. Throws SidecarError with what cannot be sent. */
export function addSends(before: readonly StagedSend[], sends: readonly Send[], queues: Queues): StagedSend[] {
  const all = [...before]
  for (const send of sends) {
    const queue = queues.get(send.queue)
    const field = `sends[${all.length}].queue`
    if (queue === undefined)
      throw new SidecarError('QueueNotFound', `there is no queue ${JSON.stringify(send.queue)} in this broker`, {
        field,
      })
    all.push(staged(send, queue.spec, all.length))
  }
  const counts = new Map<string, number>()
  for (const { queue } of all) counts.set(queue, (counts.get(queue) ?? 0) + 1)
  const most = [...counts].find(([, count]) => count > MAX_SENDS)
  const tooMuch = (message: string): never => {
    throw new SidecarError('TransactionTooLarge', message, { field: 'sends' })
  }
  if (most !== undefined)
    tooMuch(`${most[1]} sends to queue ${most[0]}; a transaction may have ${MAX_SENDS} to each, so make several of it`)
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
export function addAcks(before: readonly string[], subjects: readonly string[], queues: Queues): string[] {
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
    if (!queues.has(ack.stream))
      throw new SidecarError('QueueNotFound', `there is no queue ${JSON.stringify(ack.stream)} in this broker`, {
        field,
      })
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

export const digestOf = (content: unknown): string => createHash('sha256').update(JSON.stringify(content)).digest('hex')
