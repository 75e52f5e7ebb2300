import { isGoing } from '../../kube/object.ts'
import { queueBrokers } from '../../kube/resources.ts'
import { addFinalizer, BROKER_FINALIZER, hasFinalizer, removeFinalizer } from '../finalizer.ts'
import { done, type Outcome, waiting } from '../outcome.ts'
import type { BrokerState } from './state.ts'
import { usersOf } from './users.ts'

/** Set by the API server when a deletion was asked for that removes what an object owns before the object itself. */
const FOREGROUND = 'foregroundDeletion'

/**
 * A QueueBroker that is deleted stays, and works, while Queues need it: they would lose their messages' home, and could not be
 * asked for what they hold. (A namespace that is going holds up none of its Queues, and so no broker.) Its volume is kept.
 */
export async function holdOrRelease(state: BrokerState): Promise<Outcome> {
  const { context, stored } = state
  if (!isGoing(stored)) {
    await addFinalizer(context, queueBrokers, context.caches.queueBrokers, stored, BROKER_FINALIZER)
    return done
  }
  if (!hasFinalizer(stored, BROKER_FINALIZER)) {
    state.released = true
    return waiting('Deleting', 'is being deleted')
  }
  const users = usersOf(context.caches, stored)
  if (users.length > 0) {
    state.heldBy = users
    if (!stored.metadata.finalizers?.includes(FOREGROUND)) return done
    return waiting('Deleting', 'what it owns is being deleted, and is not made again')
  }
  await removeFinalizer(context, queueBrokers, stored, BROKER_FINALIZER)
  context.log.info({ broker: state.name, namespace: state.namespace }, 'released; its volume is kept')
  state.released = true
  return waiting('Deleting', 'is being deleted')
}
