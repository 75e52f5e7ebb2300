import type { QueueBrokerSpec } from '../../crds/index.ts'
import { controllerReference, type KubeObject, type Meta } from '../kube/object.ts'
import { brokerLabels } from './labels.ts'

/** A QueueBroker whose spec was read and has its defaults filled in. */
export type Broker = {
  readonly object: KubeObject
  readonly name: string
  readonly namespace: string
  readonly spec: QueueBrokerSpec
}

/** Settings of the operator that show in the objects of a broker. */
export type BrokerSettings = {
  readonly sidecarImage: string
  readonly natsImage: string
  readonly imagePullPolicy: string | undefined
  /** Where the operator runs: its pods may call the sidecar. */
  readonly operatorNamespace: string
  /** The operator runs outside the cluster and calls the sidecar through the API server. */
  readonly throughApiServer: boolean
}

/** The metadata of each object of a broker: it goes when the QueueBroker goes. */
export const brokerMeta = (broker: Broker, name: string): Meta => ({
  name,
  namespace: broker.namespace,
  labels: brokerLabels(broker.name),
  ownerReferences: [controllerReference(broker.object)],
})
