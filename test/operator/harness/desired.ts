import { API_VERSION, parseQueueBrokerSpec } from '../../../crds/index.ts'
import type { Broker, BrokerSettings } from '../../../operator/desired/broker.ts'

/** A QueueBroker `main` in namespace `shop`, with defaults filled in. */
export function brokerOf(input: object = {}): Broker {
  const parsed = parseQueueBrokerSpec(input)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  const metadata = { name: 'main', namespace: 'shop', uid: 'uid-of-main' }
  return {
    object: { apiVersion: API_VERSION, kind: 'QueueBroker', metadata },
    name: 'main',
    namespace: 'shop',
    spec: parsed.value,
  }
}

export const settings: BrokerSettings = {
  sidecarImage: 'sidecar:1',
  natsImage: 'nats:1',
  imagePullPolicy: undefined,
  operatorNamespace: 'pillion-system',
  throughApiServer: false,
}

export const credentials = { clientPassword: 'c', sidecarPassword: 's', token: 't' }
