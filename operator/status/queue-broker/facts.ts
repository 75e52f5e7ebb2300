import type { QueueBrokerStatus } from '../../../crds/index.ts'
import type { CoreEvent, PersistentVolumeClaim, Pod, StatefulSet } from '../../kube/resources.ts'
import type { Stop } from '../../reconcile/outcome.ts'

/** What is known of a QueueBroker at the end of a reconcile; its conditions are functions of it. */
export type BrokerFacts = {
  readonly name: string
  /** Pods and volume as declared; undefined where the spec could not be read. */
  readonly declared: { readonly replicas: number; readonly size: string } | undefined
  readonly statefulSet: StatefulSet | undefined
  readonly pod: Pod | undefined
  readonly claim: PersistentVolumeClaim | undefined
  /** About whichever of volume, StatefulSet and pod things wait for. */
  readonly events: readonly CoreEvent[]
  readonly stop: Stop
  readonly growthRefused: string | undefined
  readonly heldBy: readonly string[] | undefined
  readonly previous: QueueBrokerStatus | undefined
}

export const readyPods = ({ statefulSet }: Pick<BrokerFacts, 'statefulSet'>): number =>
  statefulSet?.status?.readyReplicas ?? 0
