import { parseQuantity } from '../../crds/index.ts'
import { putSubject } from '../../crds/protocol/subjects.ts'
import { slotSubject } from '../delay/slot.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { probe } from '../jetstream/atomic-batch.ts'
import type { Queue } from '../queue/queue.ts'
import { SidecarError } from '../sidecar-error.ts'
import { acksByQueue, bytesOf, type Queues } from './content.ts'
import type { Part } from './record.ts'
import { headerOf, type StagedSend } from './sends.ts'
import { isLater, queueOf, targetOf } from './target.ts'

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
  const acks = [...acksByQueue(wanted.acks)].map(([name, own]) => ({ queue: known(queues, name), own }))
  const targets = [...Map.groupBy(wanted.sends, targetOf)].map(([target, own]) => fitting(js, queues, target, own))
  // The first of them that cannot be is told, whichever was found out first.
  const [fits] = await Promise.all([
    inOrder(targets),
    Promise.all(acks.map(({ queue, own }) => queue.heldAcks.look(own))),
  ])
  const parts: Record<string, Part> = {}
  const sends: StagedSend[] = []
  for (const { target, part, fresh } of fits) {
    parts[target] = part
    sends.push(...fresh)
  }
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

interface Fit {
  readonly target: string
  readonly part: Part
  readonly fresh: readonly StagedSend[]
}

/** What is to be sent to one target. Throws SidecarError where that cannot be. */
async function fitting(js: JetStreamAccess, queues: Queues, target: string, own: readonly StagedSend[]): Promise<Fit> {
  const queue = known(queues, queueOf(target))
  const fresh = await withoutDuplicates(js, own, await subjectAt(queue, target))
  if (isLater(target)) checkWaiting(queue, fresh)
  else await checkRoom(queue, fresh)
  const duplicates = own.length - fresh.length
  const part = { created: queue.created, sends: own.length, ...(duplicates > 0 ? { duplicates } : {}) }
  return { target, part, fresh }
}

/** Their values; of those that fail the first one's error, when all have come to an end. */
async function inOrder<T>(all: ReadonlyArray<Promise<T>>): Promise<T[]> {
  await Promise.allSettled(all)
  return Promise.all(all)
}

/** Where it is asked whether a message is there. */
async function subjectAt(queue: Queue, target: string): Promise<(send: StagedSend) => string> {
  if (!isLater(target)) return ({ subject }) => putSubject(subject)
  await queue.delayed.made()
  return () => slotSubject(queue.name, 0)
}

/** A Queue has some of them already, or the transaction itself has one twice. */
async function withoutDuplicates(
  js: JetStreamAccess,
  sends: readonly StagedSend[],
  subjectOf: (send: StagedSend) => string,
): Promise<StagedSend[]> {
  const ids = new Set<string>()
  const fresh: StagedSend[] = []
  for (const send of sends) {
    const id = headerOf(send, 'Nats-Msg-Id')
    if (id !== undefined && (ids.has(id) || (await probe(js, subjectOf(send), id)) !== undefined)) continue
    if (id !== undefined) ids.add(id)
    fresh.push(send)
  }
  return fresh
}

/** Throws SidecarError QueueFull where no more may wait for its time. */
function checkWaiting({ delayed }: Queue, sends: readonly StagedSend[]): void {
  const problem = delayed.problem(sends.length, bytesOf(sends))
  if (problem !== undefined) throw new SidecarError('QueueFull', problem, { field: 'sends' })
}

/** Throws SidecarError where the Queue cannot take them. */
async function checkRoom({ name, spec, streamState }: Queue, sends: readonly StagedSend[]): Promise<void> {
  const { maxMessages, maxBytes, onLimit } = spec.retention
  const bytes = bytesOf(sends)
  const limit = parseQuantity(maxBytes)
  if (sends.length > maxMessages || bytes > limit) {
    const which = sends.length > maxMessages ? `maxMessages (${maxMessages})` : `maxBytes (${maxBytes})`
    throw new SidecarError('TransactionTooLarge', `more than queue ${name} may hold: retention.${which}`, {
      field: 'sends',
    })
  }
  if (onLimit !== 'Reject') return
  const state = await streamState()
  if (state.messages + sends.length <= maxMessages && state.bytes + bytes <= limit) return
  const which = state.messages + sends.length > maxMessages ? `maxMessages (${maxMessages})` : `maxBytes (${maxBytes})`
  throw new SidecarError('QueueFull', `queue ${name} has no room for it: retention.${which}; try again later`, {
    field: 'sends',
  })
}

function known(queues: Queues, name: string): Queue {
  const queue = queues.get(name)
  if (queue !== undefined) return queue
  throw new SidecarError('QueueNotFound', `there is no queue ${JSON.stringify(name)} in this broker`, {
    field: 'sends',
  })
}
