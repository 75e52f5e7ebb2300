import { queues } from '../../kube/resources.ts'
import { addFinalizer, QUEUE_FINALIZER } from '../finalizer.ts'
import { done, type Outcome } from '../outcome.ts'
import type { QueueState } from './state.ts'

/** Before anything is made for it: from now on it cannot be deleted without the broker being asked. */
export async function hold({ context, stored }: QueueState): Promise<Outcome> {
  await addFinalizer(context, queues, context.caches.queues, stored, QUEUE_FINALIZER)
  return done
}
