import type { QueueStatus } from '../../../crds/index.ts'
import type { MessageCounts, QueueObservation } from '../../../crds/protocol/api.ts'
import type { StoredQueueBroker } from '../../kube/resources.ts'
import type { Stop } from '../../reconcile/outcome.ts'
import type { Fact } from '../condition.ts'

/** What is known of a Queue at the end of a reconcile; its conditions are functions of it. */
export type QueueFacts = {
  readonly name: string
  readonly generation: number
  readonly going: boolean
  readonly brokerName: string
  readonly broker: StoredQueueBroker | undefined
  readonly stop: Stop
  readonly observation: QueueObservation | undefined
  readonly counts: MessageCounts | undefined
  readonly hold: Fact | undefined
  readonly previous: QueueStatus | undefined
}
