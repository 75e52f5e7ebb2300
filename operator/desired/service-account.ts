import type { ServiceAccount } from '../kube/resources.ts'
import { type Broker, brokerMeta } from './broker.ts'
import { serviceAccountName } from './names.ts'

/** An identity with no rights and no token: brokers never talk to the API server. */
export const serviceAccount = (broker: Broker): ServiceAccount => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: brokerMeta(broker, serviceAccountName(broker.name)),
  automountServiceAccountToken: false,
})
