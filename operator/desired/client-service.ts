import type { Service } from '../kube/resources.ts'
import { type Broker, brokerMeta } from './broker.ts'
import { podSelector } from './labels.ts'
import { clientServiceName, HTTP_PORT, NATS_PORT } from './names.ts'

/** What clients connect to, and where the operator finds the sidecar. */
export const clientService = (broker: Broker): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: brokerMeta(broker, clientServiceName(broker.name)),
  spec: {
    type: 'ClusterIP',
    selector: podSelector(broker.name),
    ports: [
      { name: 'nats', port: NATS_PORT, targetPort: 'nats', protocol: 'TCP' },
      { name: 'http', port: HTTP_PORT, targetPort: 'http', protocol: 'TCP' },
    ],
  },
})
