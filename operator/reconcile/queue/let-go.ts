import { queues } from '../../kube/resources.ts'
import { QUEUE_FINALIZER, removeFinalizer } from '../finalizer.ts'
import { done, type Outcome } from '../outcome.ts'
import type { QueueState } from './state.ts'

/** The last step: nothing of ours holds the Queue any more. */
export async function letGo(state: QueueState): Promise<Outcome> {
  await removeFinalizer(state.context, queues, state.stored, QUEUE_FINALIZER)
  state.released = true
  return done
}
