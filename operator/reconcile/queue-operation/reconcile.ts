import { parseQueueOperation } from '../../../crds/index.ts'
import { isGoing, nameOf, type ObjectKey } from '../../kube/object.ts'
import { queueOperations, type StoredQueueOperation } from '../../kube/resources.ts'
import { writeOperationStatus } from '../../status/queue-operation/write.ts'
import type { Context } from '../context.ts'
import { runSteps, type Step } from '../outcome.ts'
import type { Reconciled } from '../reconciled.ts'
import { cancel } from './cancel.ts'
import { carryOut } from './carry-out.ts'
import { checkQueues } from './check-queues.ts'
import { hold } from './hold.ts'
import { readOperationSpec } from './read-spec.ts'
import { type OperationState, operationState } from './state.ts'

const steps: readonly Step<OperationState>[] = [
  { name: 'read-spec', run: readOperationSpec },
  { name: 'hold', run: hold },
  { name: 'check-queues', run: checkQueues },
  { name: 'carry-out', run: carryOut },
]
const goingSteps: readonly Step<OperationState>[] = [{ name: 'cancel', run: cancel }]

/** How often the broker is asked how far it is. Milliseconds. */
const LOOK_MS = 2000

/** Has an operation carried out once, tells how far it is, and removes the object when its time is over. */
export async function reconcileQueueOperation(context: Context, key: ObjectKey): Promise<Reconciled> {
  const stored = context.caches.queueOperations.get(nameOf(key))
  if (stored === undefined) return { outcome: 'done' }
  if (stored.status?.finishedAt !== undefined && !isGoing(stored)) return expire(context, stored)
  const state = operationState(context, stored)
  try {
    const stop = await runSteps(isGoing(stored) ? goingSteps : steps, state)
    if (state.released) return { outcome: 'done' }
    await writeOperationStatus(state, stop)
    if (stop === undefined) return expire(context, context.caches.queueOperations.get(nameOf(key)) ?? stored)
    if (stop.halt.kind === 'retry') throw stop.halt.error
    return { outcome: stop.halt.kind, ...(stop.halt.kind === 'waiting' ? { againMs: LOOK_MS } : {}) }
  } finally {
    state.happenings.tell(context, stored)
  }
}

/** It has ended: deletes the object when ttlSecondsAfterFinished is over, or says when that is. */
async function expire({ client, clock }: Context, stored: StoredQueueOperation): Promise<Reconciled> {
  const { apiVersion, kind, metadata, spec, status } = stored
  const parsed = parseQueueOperation({ apiVersion, kind, metadata, spec })
  const seconds = parsed.ok ? parsed.value.spec.ttlSecondsAfterFinished : undefined
  if (seconds === undefined || status?.finishedAt === undefined) return { outcome: 'done' }
  const left = Date.parse(status.finishedAt) + seconds * 1000 - clock.date().getTime()
  if (left > 0) return { outcome: 'done', againMs: left }
  const { name, namespace = '', uid } = metadata
  await client.delete(queueOperations, { name, namespace }, uid === undefined ? {} : { uid })
  return { outcome: 'done' }
}
