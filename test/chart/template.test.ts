import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type OperatorConfig, readConfig } from '../../operator/config.ts'
import { chart, find, helm, named, type PodSpec, type Rendered, rendered, template } from './helm.ts'

const monitoringApi = ['PodMonitor', 'PrometheusRule'].flatMap((kind) => [
  '--api-versions',
  `monitoring.coreos.com/v1/${kind}`,
])
const everyValueChanged: Record<string, object> = parse(
  await readFile(join(import.meta.dirname, 'every-value-changed.yaml'), 'utf8'),
)
const byDefault = await rendered()

test('helm lint --strict has nothing to say', async () => {
  expect(await helm(['lint', '--strict', chart])).toContain('0 chart(s) failed')
})

test('a Kubernetes without native sidecars is refused', async () => {
  await expect(template({ args: ['--kube-version', '1.32.9'] })).rejects.toThrow(/requires kubeVersion: >=1.33.0/)
})

test('version and appVersion are those of package.json', async () => {
  const { version } = JSON.parse(await readFile(join(chart, '../../package.json'), 'utf8'))
  const about = parse(await readFile(join(chart, 'Chart.yaml'), 'utf8'))
  expect(about).toMatchObject({ version, appVersion: version })
})

describe('by default', () => {
  test('these objects are made', () => {
    expect(byDefault.map(named).toSorted()).toEqual([
      'ClusterRole pillion-edit',
      'ClusterRole pillion-operator',
      'ClusterRole pillion-view',
      'ClusterRoleBinding pillion-operator',
      'ConfigMap pillion-system/pillion-dashboard-queues',
      'CustomResourceDefinition queuebrokers.pillion.dev',
      'CustomResourceDefinition queueoperations.pillion.dev',
      'CustomResourceDefinition queues.pillion.dev',
      'Deployment pillion-system/pillion-operator',
      'Job pillion-system/pillion-test',
      'Role pillion-system/pillion-operator-lease',
      'Role pillion-system/pillion-test',
      'RoleBinding pillion-system/pillion-operator-lease',
      'RoleBinding pillion-system/pillion-test',
      'Service pillion-system/pillion-operator',
      'ServiceAccount pillion-system/pillion-operator',
      'ServiceAccount pillion-system/pillion-test',
      'ValidatingAdmissionPolicy pillion-keep-non-empty-queues',
      'ValidatingAdmissionPolicyBinding pillion-keep-non-empty-queues',
    ])
  })

  test('the operator is told its images and settings', () => {
    expect(operatorOf(byDefault)).toMatchObject({
      image: 'pillion/operator:0.1.0',
      command: ['node', '/app/operator.mjs'],
    })
    expect(configOf(byDefault)).toMatchObject({
      sidecarImage: 'pillion/sidecar:0.1.0',
      natsImage: 'nats:2.15.2',
      imagePullPolicy: 'IfNotPresent',
      resyncMs: 30_000,
      watchNamespaces: [],
      reach: 'Service',
      httpPort: 8080,
      logLevel: 'info',
    })
  })

  test('CRDs stay when the release goes, and what refuses to delete full Queues', () => {
    const kept = byDefault.filter(({ metadata }) => metadata.annotations?.['helm.sh/resource-policy'] === 'keep')
    expect(kept.map(named).toSorted()).toEqual([
      'CustomResourceDefinition queuebrokers.pillion.dev',
      'CustomResourceDefinition queueoperations.pillion.dev',
      'CustomResourceDefinition queues.pillion.dev',
      'ValidatingAdmissionPolicy pillion-keep-non-empty-queues',
      'ValidatingAdmissionPolicyBinding pillion-keep-non-empty-queues',
    ])
  })

  test('the dashboard stands in a ConfigMap that Grafana finds', () => {
    const { metadata, data } = find(byDefault, 'ConfigMap', 'pillion-dashboard-queues')
    expect(metadata.labels).toMatchObject({ grafana_dashboard: '1' })
    const text = data?.['pillion-queues.json'] ?? ''
    expect(JSON.parse(text)).toMatchObject({ uid: 'pillion-queues' })
  })

  test('selectors of Deployment and Service select the pods, and nothing else of the chart does', () => {
    const { spec: operator } = find(byDefault, 'Deployment', 'pillion-operator')
    const { spec: service } = find(byDefault, 'Service', 'pillion-operator')
    const { spec: helmTest } = find(byDefault, 'Job', 'pillion-test')
    expect(operator?.selector).toEqual({ matchLabels: service?.selector })
    expect(operator?.template?.metadata.labels).toMatchObject(service?.selector ?? {})
    expect(helmTest?.template?.metadata.labels).not.toMatchObject(service?.selector ?? {})
  })

  test('what helm test uses is there only while it runs', () => {
    const hooks = byDefault.filter(({ metadata }) => metadata.name === 'pillion-test')
    expect(hooks.map(({ kind }) => kind).toSorted()).toEqual(['Job', 'Role', 'RoleBinding', 'ServiceAccount'])
    for (const { metadata } of hooks) {
      expect(metadata.annotations).toMatchObject({
        'helm.sh/hook': 'test',
        'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded',
      })
    }
  })

  test('no image names a registry', () => {
    const images = [...JSON.stringify(byDefault).matchAll(/"image":"([^"]+)"/g)].map(([, image]) => image)
    images.push(configOf(byDefault).sidecarImage, configOf(byDefault).natsImage)
    for (const image of images) expect(image).toMatch(/^(pillion\/)?[a-z]+:[0-9.]+$/)
  })
})

describe('with every value changed', () => {
  test('the file does change every value', async () => {
    const defaults = parse(await readFile(join(chart, 'values.yaml'), 'utf8'))
    expect(leaves(everyValueChanged)).toEqual(leaves(defaults))
    for (const path of leaves(defaults)) expect(at(everyValueChanged, path)).not.toEqual(at(defaults, path))
  })

  test('each of them arrives', async () => {
    const objects = await rendered({
      values: { ...everyValueChanged, ...on('dashboard', 'podMonitor', 'prometheusRule') },
      args: monitoringApi,
    })
    const pod = podOf(objects)
    expect(find(objects, 'Deployment', 'pillion-operator')).toMatchObject({
      spec: {
        replicas: 3,
        template: {
          metadata: { labels: { 'example.com/team': 'queues' }, annotations: { 'example.com/note': 'yes' } },
        },
      },
    })
    expect(pod).toMatchObject({
      imagePullSecrets: [{ name: 'registry' }],
      priorityClassName: 'system-cluster-critical',
      nodeSelector: everyValueChanged['nodeSelector'],
      tolerations: everyValueChanged['tolerations'],
      affinity: everyValueChanged['affinity'],
    })
    expect(pod).not.toHaveProperty('topologySpreadConstraints')
    expect(operatorOf(objects)).toMatchObject({
      image: 'registry.example:5000/pillion/operator:1.2.3',
      imagePullPolicy: 'Always',
      resources: everyValueChanged['resources'],
    })
    expect(configOf(objects)).toMatchObject({
      sidecarImage: 'registry.example/pillion/sidecar:1.2.4',
      natsImage: expect.stringMatching(/^registry.example\/nats:2.15.3@sha256:0123/),
      imagePullPolicy: 'Always',
      resyncMs: 90_000,
      watchNamespaces: ['shop', 'billing'],
      logLevel: 'debug',
    })
    expect(find(objects, 'PodDisruptionBudget', 'pillion-operator')).toMatchObject({ spec: { maxUnavailable: 1 } })
    expect(find(objects, 'ConfigMap', 'pillion-dashboard-queues').metadata).toMatchObject({
      labels: { 'example.com/dashboard': 'true' },
      annotations: { grafana_folder: 'Queues' },
    })
    expect(find(objects, 'PrometheusRule', 'pillion-brokers').metadata.labels).toMatchObject({ role: 'alert-rules' })
    const test = find(objects, 'Job', 'pillion-test')
    expect(test).toMatchObject({ spec: { activeDeadlineSeconds: 360 } })
    expect(JSON.stringify(test)).toContain('{"name":"PILLION_TEST_STORAGE_CLASS","value":"fast"}')
    expect(JSON.stringify(test)).toContain('{"name":"PILLION_TEST_STORAGE_SIZE","value":"2Gi"}')
    expect(JSON.stringify(test)).toContain('{"name":"PILLION_TEST_NAMESPACE","value":"shop"}')
  })

  test('what is switched off is not made', async () => {
    const objects = await rendered({ values: everyValueChanged, args: monitoringApi })
    const kinds = new Set(objects.map(({ kind }) => kind))
    expect(kinds).not.toContain('CustomResourceDefinition')
    expect(kinds).not.toContain('ValidatingAdmissionPolicy')
    expect(kinds).not.toContain('PodMonitor')
    expect(kinds).not.toContain('PrometheusRule')
    expect(kinds).not.toContain('ConfigMap')
    expect(objects.map(named)).not.toContain('ClusterRole pillion-view')
  })

  test('CRDs go with the release where crds.keep is false', async () => {
    const objects = await rendered({ values: { crds: { keep: false } } })
    expect(JSON.stringify(objects)).not.toContain('helm.sh/resource-policy')
  })
})

test('PodMonitors are made where the API is, for the operator and the brokers', async () => {
  const objects = await rendered({
    values: { podMonitor: { labels: { release: 'p' }, interval: '5s' } },
    args: monitoringApi,
  })
  const endpoint = { port: 'http', path: '/metrics', interval: '5s' }
  expect(find(objects, 'PodMonitor', 'pillion-operator')).toMatchObject({
    metadata: { labels: { release: 'p' } },
    spec: {
      selector: { matchLabels: { 'app.kubernetes.io/name': 'pillion-operator' } },
      podMetricsEndpoints: [endpoint],
    },
  })
  expect(find(objects, 'PodMonitor', 'pillion-brokers')).toMatchObject({
    metadata: { labels: { release: 'p' } },
    spec: {
      selector: { matchLabels: { 'app.kubernetes.io/name': 'pillion-broker' } },
      namespaceSelector: { any: true },
      podMetricsEndpoints: [{ ...endpoint, relabelings: [{ targetLabel: 'broker' }] }],
    },
  })
})

test('the alert on transactions in doubt is made where the API is, with the templates of its texts left to Prometheus', async () => {
  const objects = await rendered({ args: monitoringApi })
  expect(find(objects, 'PrometheusRule', 'pillion-brokers')).toMatchObject({
    spec: {
      groups: [
        {
          rules: [
            {
              alert: 'PillionTransactionsInDoubt',
              expr: 'max by (namespace, broker) (pillion_broker_transactions_in_doubt) > 0',
              annotations: {
                summary: 'Broker {{ $labels.namespace }}/{{ $labels.broker }} has {{ $value }} transactions in doubt.',
                description: expect.stringContaining('pillion tx resolve'),
              },
            },
          ],
        },
      ],
    },
  })
})

test('with watchNamespaces the operator is bound to its role in these namespaces alone', async () => {
  const objects = await rendered({ values: { watchNamespaces: ['shop', 'billing'] }, args: monitoringApi })
  const names = objects.map(named)
  expect(names).toContain('RoleBinding shop/pillion-operator')
  expect(names).toContain('RoleBinding billing/pillion-operator')
  expect(names).toContain('RoleBinding pillion-system/pillion-operator-lease')
  expect(names).not.toContain('ClusterRoleBinding pillion-operator')
  expect(find(objects, 'PodMonitor', 'pillion-brokers')).toMatchObject({
    spec: { namespaceSelector: { matchNames: ['shop', 'billing'] } },
  })
})

function podOf(objects: readonly Rendered[]): PodSpec {
  const pod = find(objects, 'Deployment', 'pillion-operator').spec?.template?.spec
  if (pod === undefined) throw new Error('the Deployment has no pod template')
  return pod
}

function operatorOf(objects: readonly Rendered[]) {
  const [container] = podOf(objects).containers
  if (container === undefined) throw new Error('the Deployment has no container')
  return container
}

/** What the operator itself makes of the environment that the chart gives to it. */
function configOf(objects: readonly Rendered[]): OperatorConfig {
  const environment = Object.fromEntries(operatorOf(objects).env.map(({ name, value }) => [name, value]))
  expect(environment).toHaveProperty('PILLION_NAMESPACE', undefined)
  return readConfig({ ...environment, PILLION_NAMESPACE: 'pillion-system' })
}

function on(...groups: string[]): Record<string, object> {
  return Object.fromEntries(groups.map((group) => [group, { ...everyValueChanged[group], enabled: true }]))
}

/** Paths of values; maps of free keys count as one value. */
function leaves(values: unknown, path = ''): string[] {
  const groups = [
    '',
    'image',
    'sidecarImage',
    'natsImage',
    'rbac',
    'crds',
    'podMonitor',
    'prometheusRule',
    'dashboard',
    'test',
    'test.storage',
  ]
  if (!groups.includes(path) || !isRecord(values)) return [path]
  return Object.entries(values)
    .flatMap(([key, child]) => leaves(child, path === '' ? key : `${path}.${key}`))
    .toSorted()
}

function at(values: unknown, path: string): unknown {
  return path.split('.').reduce((value, key) => (isRecord(value) ? value[key] : undefined), values)
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
