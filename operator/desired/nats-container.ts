import type { Broker, BrokerSettings } from './broker.ts'
import { CLIENT_PASSWORD_ENV, CONFIG_FILE, SIDECAR_PASSWORD_ENV, STORE_DIR } from './config-map.ts'
import { type Container, fromSecret, restricted } from './containers.ts'
import { clientSecretName, DATA_VOLUME, MONITOR_PORT, NATS_PORT, sidecarSecretName } from './names.ts'

export const NATS_CONTAINER = 'nats'
export const CONFIG_VOLUME = 'config'
const CONFIG_DIR = '/etc/nats'

/** JetStream reads its streams before it answers; that may take minutes for a big store. */
const START_SECONDS = 30 * 60

export function natsContainer(broker: Broker, settings: BrokerSettings): Container {
  const httpGet = { path: '/healthz?js-server-only=true', port: 'monitor', scheme: 'HTTP' }
  return {
    name: NATS_CONTAINER,
    image: settings.natsImage,
    ...(settings.imagePullPolicy === undefined ? {} : { imagePullPolicy: settings.imagePullPolicy }),
    command: ['nats-server'],
    args: ['-c', `${CONFIG_DIR}/${CONFIG_FILE}`],
    env: [
      fromSecret(CLIENT_PASSWORD_ENV, clientSecretName(broker.name), 'password'),
      fromSecret(SIDECAR_PASSWORD_ENV, sidecarSecretName(broker.name), 'password'),
    ],
    ports: [
      { name: 'nats', containerPort: NATS_PORT, protocol: 'TCP' },
      { name: 'monitor', containerPort: MONITOR_PORT, protocol: 'TCP' },
    ],
    startupProbe: { httpGet, periodSeconds: 1, timeoutSeconds: 5, failureThreshold: START_SECONDS },
    livenessProbe: { httpGet, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
    resources: resourcesOf(broker),
    securityContext: restricted,
    volumeMounts: [
      { name: CONFIG_VOLUME, mountPath: CONFIG_DIR, readOnly: true },
      { name: DATA_VOLUME, mountPath: STORE_DIR },
    ],
  }
}

/** As text, which is how the API server gives quantities back. */
function resourcesOf(broker: Broker): NonNullable<Container['resources']> {
  const { requests, limits } = broker.spec.resources
  return { ...(requests && { requests: texts(requests) }), ...(limits && { limits: texts(limits) }) }
}

const texts = (amounts: Record<string, string | number>): Record<string, string> =>
  Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, String(amount)]))
