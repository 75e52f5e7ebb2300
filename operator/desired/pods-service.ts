import type { Service } from '../kube/resources.ts'
import { type Broker, brokerMeta } from './broker.ts'
import { podSelector } from './labels.ts'
import { HTTP_PORT, NATS_PORT, podsServiceName } from './names.ts'

/** Headless: gives each broker pod a name of its own, also while it is not ready. */
export const podsService = (broker: Broker): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: brokerMeta(broker, podsServiceName(broker.name)),
  spec: {
    type: 'ClusterIP',
    clusterIP: 'None',
    publishNotReadyAddresses: true,
    selector: podSelector(broker.name),
    ports: [
      { name: 'nats', port: NATS_PORT, targetPort: 'nats', protocol: 'TCP' },
      { name: 'http', port: HTTP_PORT, targetPort: 'http', protocol: 'TCP' },
    ],
  },
})
