import { hasFinalizer, QUEUE_FINALIZER } from '../finalizer.ts'
import { isNamespaceGoing } from '../namespace-going.ts'
import { done, type Outcome, waiting } from '../outcome.ts'
import { letGo } from './let-go.ts'
import type { QueueState } from './state.ts'

/** A Queue that nobody holds needs nothing from us; a namespace that is going is not held up by what is in it. */
export async function checkNamespace(state: QueueState): Promise<Outcome> {
  if (!hasFinalizer(state.stored, QUEUE_FINALIZER)) {
    state.released = true
    return waiting('Deleting', 'is being deleted')
  }
  if (!(await isNamespaceGoing(state.context, state.namespace))) return done
  const note = 'the namespace is being deleted: the broker was not asked, and messages go with the volume'
  state.happenings.note({ type: 'Warning', reason: 'NamespaceTerminating', action: 'Release', note })
  await letGo(state)
  return waiting('Deleting', 'is being deleted')
}
