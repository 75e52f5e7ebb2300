import { queueOperations } from '../../kube/resources.ts'
import { hasFinalizer, OPERATION_FINALIZER } from '../finalizer.ts'
import { done, type Outcome, waiting } from '../outcome.ts'
import type { OperationState } from './state.ts'

/** From now on it goes with its Queue, and cannot be deleted without being cancelled. */
export async function hold({ context, stored, queue, queueName, namespace, name }: OperationState): Promise<Outcome> {
  if (queue === undefined) {
    return waiting(
      'QueueNotFound',
      `there is no Queue ${queueName} in namespace ${namespace}; make it, and this goes on by itself`,
    )
  }
  const { metadata } = stored
  const owner = { apiVersion: queue.apiVersion, kind: queue.kind, name: queueName, uid: queue.metadata.uid ?? '' }
  const owners = metadata.ownerReferences ?? []
  if (hasFinalizer(stored, OPERATION_FINALIZER) && owners.some(({ uid }) => uid === owner.uid)) return done
  const patch = {
    metadata: {
      resourceVersion: metadata.resourceVersion,
      finalizers: [...new Set([...(metadata.finalizers ?? []), OPERATION_FINALIZER])],
      ownerReferences: [...owners.filter(({ uid }) => uid !== owner.uid), owner],
    },
  }
  context.caches.queueOperations.wrote(await context.client.mergePatch(queueOperations, { namespace, name }, patch))
  return done
}
