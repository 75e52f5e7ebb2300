import { isGoing, nameOf, type ObjectKey } from '../../kube/object.ts'
import { writeQueueStatus } from '../../status/queue/write.ts'
import type { Context } from '../context.ts'
import { runSteps, type Step } from '../outcome.ts'
import type { Reconciled } from '../reconciled.ts'
import { askBroker } from './ask-broker.ts'
import { awaitBroker } from './await-broker.ts'
import { checkNamespace } from './check-namespace.ts'
import { configure } from './configure.ts'
import { findBroker } from './find-broker.ts'
import { hold } from './hold.ts'
import { letGo } from './let-go.ts'
import { readQueueSpec } from './read-spec.ts'
import { removeOwnBroker } from './remove-own-broker.ts'
import { type QueueState, queueState } from './state.ts'

const steps: readonly Step<QueueState>[] = [
  { name: 'hold', run: hold },
  { name: 'read-spec', run: readQueueSpec },
  { name: 'find-broker', run: findBroker },
  { name: 'await-broker', run: awaitBroker },
  { name: 'configure', run: configure },
]

/** When it is being deleted. Each may be repeated, so it does not matter where the last attempt ended. */
const goingSteps: readonly Step<QueueState>[] = [
  { name: 'check-namespace', run: checkNamespace },
  { name: 'ask-broker', run: askBroker },
  { name: 'remove-own-broker', run: removeOwnBroker },
  { name: 'let-go', run: letGo },
]

/** How often a broker is asked whether what keeps a Queue from being deleted is gone. Milliseconds. */
const HELD_MS = 5000

/** Brings a Queue's broker, and the Queue in it, to what it declares, and writes its status. */
export async function reconcileQueue(context: Context, key: ObjectKey): Promise<Reconciled> {
  const stored = context.caches.queues.get(nameOf(key))
  if (stored === undefined) return { outcome: 'done' }
  const state = queueState(context, stored)
  try {
    const stop = await runSteps(isGoing(stored) ? goingSteps : steps, state)
    if (state.released) return { outcome: 'done' }
    await writeQueueStatus(state, stop)
    if (stop === undefined) return { outcome: 'done' }
    if (stop.halt.kind === 'retry') throw stop.halt.error
    return { outcome: stop.halt.kind, ...(state.hold === undefined ? {} : { againMs: HELD_MS }) }
  } finally {
    state.happenings.tell(context, stored)
  }
}
