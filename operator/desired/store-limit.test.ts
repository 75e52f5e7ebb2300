import { expect, test } from 'vitest'
import { queueBrokerSpecSchema } from '../../crds/index.ts'
import type { Broker } from './broker.ts'
import { CONFIG_FILE, configMap } from './config-map.ts'
import { sidecarContainer } from './sidecar-container.ts'

const broker: Broker = {
  object: {
    apiVersion: 'pillion.dev/v1alpha1',
    kind: 'QueueBroker',
    metadata: { name: 'shop', namespace: 'shop', uid: 'a-uid' },
  },
  name: 'shop',
  namespace: 'shop',
  spec: queueBrokerSpecSchema.parse({}),
}
const settings = {
  sidecarImage: 'sidecar',
  natsImage: 'nats',
  imagePullPolicy: undefined,
  operatorNamespace: 'pillion-system',
  throughApiServer: false,
}

test('the sidecar is told how much nats-server may store', () => {
  const { metadata, data } = configMap(broker, 1_000_000_000)
  const variable = sidecarContainer(broker, settings).env?.find(({ name }) => name === 'PILLION_STORE_LIMIT_BYTES')
  const { name, key = '' } = variable?.valueFrom?.configMapKeyRef ?? {}
  expect(name).toBe(metadata.name)
  expect(data?.[CONFIG_FILE]).toContain(`max_file_store: ${data?.[key]}\n`)
})
