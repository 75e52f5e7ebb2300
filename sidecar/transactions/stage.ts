import { parseQuantity } from '../../crds/index.ts'
import { putSubject, queueStream } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { probe } from '../jetstream/atomic-batch.ts'
import { SidecarError } from '../sidecar-error.ts'
import { acksByQueue, bytesOf, type Queues } from './content.ts'
import type { Part } from './record.ts'
import { headerOf, type StagedSend } from './sends.ts'

export interface Staged {
  /** Less those that their Queues have already. */
  readonly sends: StagedSend[]
  readonly parts: Record<string, Part>
}

/** Looks whether a transaction can be carried out, and holds what it acknowledges. Throws SidecarError where it cannot be. */
export async function stage(
  js: JetStreamAccess,
  queues: Queues,
  transaction: string,
  wanted: { readonly sends: readonly StagedSend[]; readonly acks: readonly string[] },
): Promise<Staged> {
  const sends: StagedSend[] = []
  const parts: Record<string, Part> = {}
  for (const [name, own] of Map.groupBy(wanted.sends, ({ queue }) => queue)) {
    const fresh = await withoutDuplicates(js, own)
    parts[name] = { created: await checkRoom(js, queues, name, fresh), sends: own.length }
    if (fresh.length < own.length) parts[name].duplicates = own.length - fresh.length
    sends.push(...fresh)
  }
  const acks = [...acksByQueue(wanted.acks)].map(([name, own]) => ({ queue: queueOf(queues, name), own }))
  for (const { queue, own } of acks) await queue.heldAcks.look(own)
  // From here on in one turn.
  for (const { queue, own } of acks) {
    for (const ack of own) {
      const problem = queue.heldAcks.problem(transaction, ack)
      if (problem !== undefined) throw problem
    }
  }
  for (const { queue, own } of acks) queue.heldAcks.hold(transaction, own)
  return { sends, parts }
}

/** A Queue has some of them already, or the transaction itself has one twice. */
async function withoutDuplicates(js: JetStreamAccess, sends: readonly StagedSend[]): Promise<StagedSend[]> {
  const ids = new Set<string>()
  const fresh: StagedSend[] = []
  for (const send of sends) {
    const id = headerOf(send, 'Nats-Msg-Id')
    if (id !== undefined && (ids.has(id) || (await probe(js, putSubject(send.subject), id)) !== undefined)) continue
    if (id !== undefined) ids.add(id)
    fresh.push(send)
  }
  return fresh
}

/** When the Queue's stream was created. */
async function checkRoom(
  js: JetStreamAccess,
  queues: Queues,
  name: string,
  sends: readonly StagedSend[],
): Promise<string> {
  const { created, spec } = queueOf(queues, name)
  const { maxMessages, maxBytes, onLimit } = spec.retention
  const bytes = bytesOf(sends)
  const limit = parseQuantity(maxBytes)
  if (sends.length > maxMessages || bytes > limit) {
    const which = sends.length > maxMessages ? `maxMessages (${maxMessages})` : `maxBytes (${maxBytes})`
    throw new SidecarError('TransactionTooLarge', `more than queue ${name} may hold: retention.${which}`, {
      field: 'sends',
    })
  }
  if (onLimit !== 'Reject') return created
  const { state } = await js.manager.streams.info(queueStream(name))
  if (state.messages + sends.length <= maxMessages && state.bytes + bytes <= limit) return created
  const which = state.messages + sends.length > maxMessages ? `maxMessages (${maxMessages})` : `maxBytes (${maxBytes})`
  throw new SidecarError('QueueFull', `queue ${name} has no room for it: retention.${which}; try again later`, {
    field: 'sends',
  })
}

function queueOf(queues: Queues, name: string): NonNullable<ReturnType<Queues['get']>> {
  const queue = queues.get(name)
  if (queue !== undefined) return queue
  throw new SidecarError('QueueNotFound', `there is no queue ${JSON.stringify(name)} in this broker`, {
    field: 'sends',
  })
}
