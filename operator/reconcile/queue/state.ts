import type { QueueSpec } from '../../../crds/index.ts'
import type { MessageCounts, QueueObservation } from '../../../crds/protocol/api.ts'
import { brokerOf } from '../../broker-of.ts'
import type { StoredQueue, StoredQueueBroker } from '../../kube/resources.ts'
import type { Fact } from '../../status/condition.ts'
import type { Context } from '../context.ts'
import { Happenings } from '../happenings.ts'

/** One reconcile of a Queue: what the steps found so far. */
export type QueueState = {
  readonly context: Context
  readonly stored: StoredQueue
  readonly namespace: string
  readonly name: string
  readonly generation: number
  readonly brokerName: string
  readonly happenings: Happenings
  spec: QueueSpec | undefined
  broker: StoredQueueBroker | undefined
  /** What the sidecar answered to this reconcile's PUT. */
  observation: QueueObservation | undefined
  /** For status: as observed, or still those of before. */
  counts: MessageCounts | undefined
  /** Why deletion has to wait; undefined: it need not, or there is none. */
  hold: Fact | undefined
  /** Nothing holds it any more: it is gone, or will be in a moment. */
  released: boolean
}

export const queueState = (context: Context, stored: StoredQueue): QueueState => ({
  context,
  stored,
  namespace: stored.metadata.namespace ?? '',
  name: stored.metadata.name,
  generation: stored.metadata.generation ?? 0,
  brokerName: brokerOf(stored),
  happenings: new Happenings(),
  spec: undefined,
  broker: undefined,
  observation: undefined,
  counts: stored.status?.messages,
  hold: undefined,
  released: false,
})
