import type { Broker, BrokerSettings } from './broker.ts'
import { STORE_LIMIT_KEY } from './config-map.ts'
import { type Container, fromSecret, restricted } from './containers.ts'
import { configMapName, HTTP_PORT, NATS_PORT, sidecarSecretName } from './names.ts'

export const SIDECAR_CONTAINER = 'sidecar'

/**
 * A native sidecar container: starts before nats-server and ends after it. Its start-up probe passes without nats-server, or the two
 * would wait for each other; being ready means that it reached nats-server and configured the queues that it has stored, so it
 * speaks for both.
 */
export function sidecarContainer(broker: Broker, settings: BrokerSettings): Container {
  const secret = sidecarSecretName(broker.name)
  const alive = { path: '/healthz', port: 'http', scheme: 'HTTP' }
  return {
    name: SIDECAR_CONTAINER,
    restartPolicy: 'Always',
    image: settings.sidecarImage,
    ...(settings.imagePullPolicy === undefined ? {} : { imagePullPolicy: settings.imagePullPolicy }),
    command: ['node', '/app/sidecar.mjs'],
    env: [
      { name: 'PILLION_NATS_URL', value: `nats://127.0.0.1:${NATS_PORT}` },
      fromSecret('PILLION_NATS_USER', secret, 'username'),
      fromSecret('PILLION_NATS_PASSWORD', secret, 'password'),
      fromSecret('PILLION_TOKEN', secret, 'token'),
      { name: 'PILLION_HTTP_HOST', value: '0.0.0.0' },
      { name: 'PILLION_HTTP_PORT', value: String(HTTP_PORT) },
      {
        name: 'PILLION_STORE_LIMIT_BYTES',
        valueFrom: { configMapKeyRef: { name: configMapName(broker.name), key: STORE_LIMIT_KEY } },
      },
      { name: 'PILLION_LOG_LEVEL', value: 'info' },
    ],
    ports: [{ name: 'http', containerPort: HTTP_PORT, protocol: 'TCP' }],
    startupProbe: { httpGet: alive, periodSeconds: 1, timeoutSeconds: 2, failureThreshold: 60 },
    livenessProbe: { httpGet: alive, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
    readinessProbe: {
      httpGet: { ...alive, path: '/readyz' },
      periodSeconds: 2,
      timeoutSeconds: 2,
      failureThreshold: 2,
    },
    resources: { requests: { cpu: '50m', memory: '96Mi' } },
    securityContext: restricted,
  }
}
