import { API_VERSION, type QueueBrokerSpec } from '../../crds/index.ts'
import { controllerReference, type KubeObject } from '../kube/object.ts'
import { BROKER_LABEL, MANAGED_BY_LABEL } from './labels.ts'

/** The QueueBroker that is made for one Queue alone: it has the Queue's name and goes with it. */
export const ownBroker = (queue: KubeObject, spec: QueueBrokerSpec): KubeObject & { spec: QueueBrokerSpec } => ({
  apiVersion: API_VERSION,
  kind: 'QueueBroker',
  metadata: {
    name: queue.metadata.name,
    ...(queue.metadata.namespace === undefined ? {} : { namespace: queue.metadata.namespace }),
    labels: { [MANAGED_BY_LABEL]: 'pillion', [BROKER_LABEL]: queue.metadata.name },
    ownerReferences: [controllerReference(queue)],
  },
  spec,
})
