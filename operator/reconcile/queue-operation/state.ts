import type { QueueOperationSpec } from '../../../crds/index.ts'
import type { Operation } from '../../../crds/protocol/operation.ts'
import { brokerOf, queueRefOf, toOf } from '../../broker-of.ts'
import type { StoredQueue, StoredQueueOperation } from '../../kube/resources.ts'
import type { Context } from '../context.ts'
import { Happenings } from '../happenings.ts'

/** One reconcile of a QueueOperation: what the steps found so far. */
export type OperationState = {
  readonly context: Context
  readonly stored: StoredQueueOperation
  readonly namespace: string
  readonly name: string
  readonly generation: number
  readonly queueName: string
  /** What the sidecar knows it by: a new object of the same name is another operation. */
  readonly id: string
  readonly happenings: Happenings
  queue: StoredQueue | undefined
  readonly brokerName: string
  /** That keeps the Queue that Move moves to, where it is another one. */
  readonly otherBroker: string | undefined
  spec: QueueOperationSpec | undefined
  /** As the sidecar told it. */
  operation: Operation | undefined
  released: boolean
}

export function operationState(context: Context, stored: StoredQueueOperation): OperationState {
  const namespace = stored.metadata.namespace ?? ''
  const queueName = queueRefOf(stored)
  const queue = context.caches.queues.get({ namespace, name: queueName })
  const brokerName = queue === undefined ? queueName : brokerOf(queue)
  const to = context.caches.queues.get({ namespace, name: toOf(stored) ?? '' })
  return {
    context,
    stored,
    namespace,
    name: stored.metadata.name,
    generation: stored.metadata.generation ?? 0,
    queueName,
    id: stored.metadata.uid ?? '',
    happenings: new Happenings(),
    queue,
    brokerName,
    otherBroker: to === undefined || brokerOf(to) === brokerName ? undefined : brokerOf(to),
    spec: undefined,
    operation: undefined,
    released: false,
  }
}
