import { describe, expect, it } from 'vitest'
import type { KubeClient } from '../../operator/kube/client.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import {
  configMaps,
  networkPolicies,
  podDisruptionBudgets,
  queueBrokers,
  queues,
  type Resource,
  secrets,
  serviceAccounts,
  services,
  statefulSets,
} from '../../operator/kube/resources.ts'
import { secretText } from '../../operator/desired/secrets.ts'
import { useCluster } from './harness/cluster.ts'
import { eventually } from './harness/eventually.ts'
import { World } from './harness/world.ts'

/** Well past the tests: what is corrected in them is so because a watch told. */
const LONG = { config: { resyncMs: 600_000 } }

describe('what somebody changed by hand is put right, and told', () => {
  const cluster = useCluster(['statefulset-controller'])

  it('in a StatefulSet', async () => {
    await using world = await World.start(cluster(), LONG)
    await startedIn(world)
    await world.patch(statefulSets, 'orders', { spec: { replicas: 0 } })
    await eventually(async () =>
      expect((await world.admin.get(statefulSets, world.at('orders'))).spec?.replicas).toBe(1),
    )
    await world.event('DriftCorrected', 'StatefulSet orders: spec.replicas had been changed and was put back')
    const containers = [{ name: 'nats', image: 'evil:1' }]
    await world.patch(statefulSets, 'orders', { spec: { template: { spec: { containers } } } })
    await world.event('DriftCorrected', 'spec.template.spec.containers[nats].image')
    await eventually(async () => {
      const fixed = await world.admin.get(statefulSets, world.at('orders'))
      expect(fixed.spec?.template.spec?.containers.map(({ image }) => image)).toEqual(['nats:test'])
    })
  })

  it('in a Service, a ConfigMap, a NetworkPolicy, a PodDisruptionBudget and a ServiceAccount', async () => {
    await using world = await World.start(cluster(), LONG)
    await startedIn(world)
    await world.patch(services, 'orders', { spec: { selector: { app: 'mine' } } })
    await world.event('DriftCorrected', 'Service orders: spec.selector.app')
    await world.patch(configMaps, 'orders-config', { data: { 'nats.conf': 'port: 1' } })
    await world.event('DriftCorrected', 'ConfigMap orders-config: data.nats.conf')
    await world.patch(networkPolicies, 'orders', { spec: { ingress: [{}] } })
    await world.event('DriftCorrected', 'NetworkPolicy orders: spec.ingress')
    await world.patch(podDisruptionBudgets, 'orders', { spec: { maxUnavailable: 0 } })
    await world.event('DriftCorrected', 'PodDisruptionBudget orders: spec.maxUnavailable')
    await world.patch(serviceAccounts, 'orders-broker', { automountServiceAccountToken: true })
    await world.event('DriftCorrected', 'ServiceAccount orders-broker: automountServiceAccountToken')
    expect((await world.admin.get(services, world.at('orders'))).spec?.selector).toEqual({
      'pillion.dev/broker': 'orders',
    })
    expect((await world.admin.get(networkPolicies, world.at('orders'))).spec?.ingress).toHaveLength(2)
    const metrics = await (await fetch(`http://127.0.0.1:${world.operator.port}/metrics`)).text()
    for (const kind of ['Service', 'ConfigMap', 'NetworkPolicy', 'PodDisruptionBudget', 'ServiceAccount']) {
      expect(metrics).toMatch(new RegExp(`^pillion_operator_drift_corrected_total\\{kind="${kind}"\\} 1$`, 'm'))
    }
  })

  it('in the number of a port, whose name clashes with the port that is put back', async () => {
    await using world = await World.start(cluster(), LONG)
    await startedIn(world)
    const ports = [{ name: 'nats', port: 4333, targetPort: 'nats', protocol: 'TCP' }]
    await world.patch(services, 'orders', { spec: { ports } })
    await world.event('DriftCorrected', 'Service orders: spec.ports[nats].port')
    const { spec } = await world.admin.get(services, world.at('orders'))
    expect(spec?.ports?.map(({ name, port }) => `${name} ${port}`)).toEqual(['nats 4222', 'http 8080'])
  })

  it('what was deleted is made again', async () => {
    await using world = await World.start(cluster(), LONG)
    await startedIn(world)
    for (const [kind, name] of [
      [services, 'orders'],
      [configMaps, 'orders-config'],
      [statefulSets, 'orders'],
    ] as const) {
      const { metadata } = await world.admin.get(kind, world.at(name))
      await world.admin.delete(kind, world.at(name))
      await eventually(async () =>
        expect((await world.admin.get(kind, world.at(name))).metadata.uid).not.toBe(metadata.uid),
      )
      await world.event('DriftCorrected', `${kind.kind} ${name} had been removed and was made again`)
    }
  })

  it('labels and owner references that were taken off are put back, and passwords survive that', async () => {
    await using world = await World.start(cluster(), LONG)
    await startedIn(world)
    const before = await world.admin.get(secrets, world.at('orders-client'))
    await world.patch(secrets, 'orders-client', { metadata: { labels: null } })
    await world.event('DriftCorrected', 'Secret orders-client: metadata.labels')
    await world.patch(secrets, 'orders-client', { metadata: { ownerReferences: null } })
    await world.event('DriftCorrected', 'Secret orders-client: metadata.ownerReferences')
    const after = await world.admin.get(secrets, world.at('orders-client'))
    expect(after.data).toEqual(before.data)
    expect(after.metadata.labels).toEqual(before.metadata.labels)
  })

  it('a password that was set by hand is kept, and the pod restarts to take it', async () => {
    await using world = await World.start(cluster(), LONG)
    await startedIn(world)
    const hash = async () =>
      (await world.admin.get(statefulSets, world.at('orders'))).spec?.template.metadata?.annotations?.[
        'pillion.dev/inputs-hash'
      ]
    const before = await hash()
    const password = Buffer.from('chosen-by-hand').toString('base64')
    await world.patch(secrets, 'orders-client', { data: { password } })
    await eventually(async () => expect(await hash()).not.toBe(before))
    expect(secretText(await world.admin.get(secrets, world.at('orders-client')), 'password')).toBe('chosen-by-hand')
    // A key that is gone is made anew.
    await world.patch(secrets, 'orders-client', { data: { password: null, url: null } })
    await eventually(async () => {
      const secret = await world.admin.get(secrets, world.at('orders-client'))
      expect(secretText(secret, 'password')).toMatch(/^p[0-9a-f]{48}$/)
      expect(secretText(secret, 'url')).toBe(`nats://orders.${world.namespace}.svc:4222`)
    })
  })

  it('in the broker of a Queue, whose spec is the one that counts', async () => {
    await using world = await World.start(cluster(), LONG)
    await startedIn(world)
    await world.patch(queueBrokers, 'orders', { spec: { durability: 'Interval' } })
    await eventually(async () => expect((await world.broker('orders')).spec).toMatchObject({ durability: 'Always' }))
    await world.event('DriftCorrected', 'QueueBroker orders: spec.durability')
  })

  it('in the broker itself, as the sidecar tells it', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 1000 } })
    await startedIn(world)
    world.sidecars.queue(world.namespace, 'orders', 'orders').corrected = [
      { object: 'stream orders', message: 'max_bytes was 1, and is 1073741824 again' },
    ]
    const event = await world.event('DriftCorrected', 'stream orders: max_bytes was 1')
    expect(event).toMatchObject({
      type: 'Warning',
      regarding: { kind: 'Queue', name: 'orders' },
      reportingController: 'pillion.dev/operator',
    })
  })

  it('leaves alone what others put in beside it', async () => {
    await using world = await World.start(cluster(), LONG)
    await startedIn(world)
    world.transport.writes.length = 0
    await world.patch(services, 'orders', { metadata: { annotations: { 'example.com/mine': 'yes' } } })
    await world.patch(statefulSets, 'orders', {
      spec: { template: { metadata: { annotations: { restartedAt: 'now' } } } },
    })
    await world.patch(queues, 'orders', { metadata: { labels: { team: 'a' } } })
    // What comes after is seen after: the drift is corrected, and nothing else was.
    await world.patch(podDisruptionBudgets, 'orders', { spec: { maxUnavailable: 0 } })
    await world.event('DriftCorrected', 'PodDisruptionBudget orders')
    expect(world.transport.ownWrites.filter((write) => /services|statefulsets/.test(write))).toEqual([])
    expect((await world.admin.get(services, world.at('orders'))).metadata.annotations).toMatchObject({
      'example.com/mine': 'yes',
    })
  })

  it('an admission rule that always sets a field of ours does not make it write for ever', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 500 } })
    await overrideDisruptionBudgets(cluster().admin, world.namespace)
    await startedIn(world)
    await world.event(
      'FieldOverridden',
      'PodDisruptionBudget orders: something else in the cluster sets spec.maxUnavailable',
    )
    world.transport.writes.length = 0
    const calls = world.sidecars.calls.length
    await eventually(() => expect(world.sidecars.calls.length).toBeGreaterThan(calls + 5))
    expect(world.transport.ownWrites.filter((write) => write.includes('poddisruptionbudgets'))).toEqual([])
    expect(await world.events('DriftCorrected')).toEqual([])
  })
})

async function startedIn(world: World): Promise<void> {
  await world.createQueue('orders')
  await world.queueReady('orders')
}

/** What another product's webhook might do. */
async function overrideDisruptionBudgets(admin: KubeClient, namespace: string): Promise<void> {
  const apiVersion = 'admissionregistration.k8s.io/v1'
  const resource = (plural: string, kind: string): Resource<KubeObject> => ({
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    plural,
    kind,
    namespaced: false,
  })
  const name = `override-${namespace}`
  const policy = {
    apiVersion,
    kind: 'MutatingAdmissionPolicy',
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      reinvocationPolicy: 'Never',
      matchConstraints: {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        resourceRules: [
          {
            apiGroups: ['policy'],
            apiVersions: ['v1'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['poddisruptionbudgets'],
          },
        ],
      },
      mutations: [
        {
          patchType: 'JSONPatch',
          jsonPatch: { expression: '[JSONPatch{op: "replace", path: "/spec/maxUnavailable", value: 2}]' },
        },
      ],
    },
  }
  const binding = { apiVersion, kind: 'MutatingAdmissionPolicyBinding', metadata: { name }, spec: { policyName: name } }
  await admin.create(resource('mutatingadmissionpolicies', 'MutatingAdmissionPolicy'), policy)
  await admin.create(resource('mutatingadmissionpolicybindings', 'MutatingAdmissionPolicyBinding'), binding)
  // The API server takes a moment to act on it.
  await eventually(async () => {
    const probe = {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'probe', namespace },
      spec: { maxUnavailable: 1, selector: { matchLabels: { none: 'such' } } },
    }
    const made = await admin.apply(podDisruptionBudgets, probe)
    await admin.delete(podDisruptionBudgets, { namespace, name: 'probe' })
    expect(made.spec?.maxUnavailable).toBe(2)
  })
}
