import type { QueueSpec } from '../../crds/index.ts'
import type { DeletePolicy, MessageCounts } from '../../crds/protocol/api.ts'
import { deadLetterStream, delayedStream, queueStream, settlementStream } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { orMissing } from '../jetstream/ensure.ts'
import { streamShape } from '../lanes/lanes.ts'
import { SidecarError } from '../sidecar-error.ts'

/**
 * Takes a Queue out of the broker. First nothing more is accepted, then messages are counted, so that none that was
 * acknowledged in between is lost.
 */
export async function removeQueue(
  js: JetStreamAccess,
  queue: string,
  spec: QueueSpec,
  policy: DeletePolicy,
  count: () => Promise<MessageCounts>,
): Promise<void> {
  const { streams } = js.manager
  const name = queueStream(queue)
  if ((await orMissing(streams.info(name))) === undefined) return removeRest(js, queue, policy, 0)
  await close(js, queue)
  if (policy === 'Retain') return
  const counts = await count()
  const left = counts.ready + counts.inFlight + counts.delayed
  if (policy === 'KeepNonEmpty' && left > 0) {
    await streams.update(name, { subjects: [...streamShape(queue, spec).subjects] })
    throw new SidecarError(
      'QueueNotEmpty',
      `queue ${queue} still holds ${left} messages (${counts.ready} ready, ${counts.inFlight} in flight, ` +
        `${counts.delayed} delayed); consume them, or set spec.deletionPolicy to Delete or Retain`,
      { messages: counts },
    )
  }
  await streams.delete(name)
  await removeRest(js, queue, policy, counts.deadLettered)
}

/** Nothing more is accepted. */
async function close(js: JetStreamAccess, queue: string): Promise<void> {
  await js.manager.streams.update(queueStream(queue), { subjects: [`PILLION.CLOSED.${queue}`] })
}

async function removeRest(
  js: JetStreamAccess,
  queue: string,
  policy: DeletePolicy,
  deadLetters: number,
): Promise<void> {
  if (policy === 'Retain') return
  await orMissing(js.manager.streams.delete(settlementStream(queue)))
  await orMissing(js.manager.streams.delete(delayedStream(queue)))
  // Dead letters do not keep a Queue from being deleted, but without the word Delete they are kept.
  if (policy === 'Delete' || deadLetters === 0) await orMissing(js.manager.streams.delete(deadLetterStream(queue)))
}

/**
 * Of a Queue that could not be made nothing stays behind, except what was there before: streams that ever held a message, closed
 * to more as they were.
 */
export async function removeUnused(js: JetStreamAccess, queue: string): Promise<void> {
  for (const name of [queueStream(queue), deadLetterStream(queue), settlementStream(queue), delayedStream(queue)]) {
    const info = await orMissing(js.manager.streams.info(name))
    if (info?.state.last_seq === 0) await js.manager.streams.delete(name)
  }
  const kept = await orMissing(js.manager.streams.info(queueStream(queue)))
  if (kept !== undefined) await close(js, queue)
}
