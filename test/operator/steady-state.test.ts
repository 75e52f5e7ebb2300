import { describe, expect, it } from 'vitest'
import {
  configMaps,
  namespaces,
  networkPolicies,
  persistentVolumeClaims,
  podDisruptionBudgets,
  pods,
  queueBrokers,
  queues,
  type Resource,
  secrets,
  serviceAccounts,
  services,
  statefulSets,
} from '../../operator/kube/resources.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import { useCluster } from './harness/cluster.ts'
import { eventually } from './harness/eventually.ts'
import { World } from './harness/world.ts'

describe('a Queue', () => {
  const cluster = useCluster(['statefulset-controller'])

  it('gets a broker of its own and gets ready, with the rights of the chart and no others', async () => {
    await using world = await World.start(cluster())
    await world.createQueue('orders')
    await world.queueReady('orders')
    const { status } = await world.queue('orders')
    expect(status).toMatchObject({
      observedGeneration: 1,
      broker: 'orders',
      address: `nats://orders.${world.namespace}.svc:4222`,
      subject: 'q.orders',
      messages: { ready: 0, inFlight: 0, delayed: 0, deadLettered: 0 },
    })
    expect(status?.conditions?.map(({ type, status: is }) => `${type}=${is}`)).toEqual([
      'Ready=True',
      'BrokerReady=True',
      'Configured=True',
      'DeadLetterEmpty=True',
      'TransactionsDecided=True',
    ])
    const broker = await world.broker('orders')
    expect(broker.status).toMatchObject({ replicas: 1, queues: 1, storage: { capacity: '10Gi' } })
    const parts: [Resource<KubeObject>, string][] = [
      [statefulSets, 'orders'],
      [services, 'orders'],
      [services, 'orders-pods'],
      [secrets, 'orders-client'],
      [secrets, 'orders-sidecar'],
      [configMaps, 'orders-config'],
      [serviceAccounts, 'orders-broker'],
      [podDisruptionBudgets, 'orders'],
      [networkPolicies, 'orders'],
    ]
    for (const [kind, name] of parts) {
      const { metadata } = await world.admin.get(kind, world.at(name))
      expect(metadata.ownerReferences).toMatchObject([{ kind: 'QueueBroker', name: 'orders', controller: true }])
    }
    const claim = await world.admin.get(persistentVolumeClaims, world.at('data-orders-0'))
    expect(claim.metadata.ownerReferences).toBeUndefined()
  })

  it('costs no write while nothing changes, over many resyncs, and its status stands still', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 1000 } })
    await world.createBroker('shop')
    await world.createQueue('orders')
    await world.createQueue('returns', { brokerRef: { name: 'shop' } })
    await world.queueReady('orders')
    await world.queueReady('returns')
    await eventually(() => expect(world.sidecars.calls.length).toBeGreaterThan(4))
    const versions = async () => [
      (await world.queue('orders')).metadata.resourceVersion,
      (await world.queue('returns')).metadata.resourceVersion,
      (await world.broker('orders')).metadata.resourceVersion,
      (await world.broker('shop')).metadata.resourceVersion,
    ]
    const before = await versions()
    const calls = world.sidecars.calls.length
    world.transport.writes.length = 0
    await eventually(() => expect(world.sidecars.calls.length).toBeGreaterThanOrEqual(calls + 10))
    expect(world.transport.ownWrites).toEqual([])
    expect(await versions()).toEqual(before)
  })

  it('tells message counts once a resync at most, and at once when its spec changes', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 600_000 } })
    await world.createQueue('orders')
    await world.queueReady('orders')
    const shown = async () => (await world.queue('orders')).status?.messages?.ready
    const sidecar = () => world.sidecars.queue(world.namespace, 'orders', 'orders')
    sidecar().messages = { ready: 2, inFlight: 0, delayed: 0, deadLettered: 3 }
    // Something else makes it look at the Queue, twice: when the second look begins, the first is over.
    for (const touched of ['once', 'twice']) {
      const calls = world.sidecars.calls.length
      await world.patch(queueBrokers, 'orders', { metadata: { annotations: { touched } } })
      await eventually(() => expect(world.sidecars.calls.length).toBeGreaterThan(calls))
    }
    expect(await shown()).toBe(0)
    await world.patch(queues, 'orders', { spec: { paused: true } })
    await eventually(async () => expect(await shown()).toBe(2))
    await world.condition(queues, 'orders', 'DeadLetterEmpty', {
      status: 'False',
      reason: 'DeadLetters',
      message: '3 messages were given up; browse stream orders_dlq',
    })
    await world.condition(queues, 'orders', 'Ready', { status: 'True' })
    expect(sidecar().spec.paused).toBe(true)
  })

  it('has pods that the Pod Security level restricted takes', async () => {
    await using world = await World.start(cluster())
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
    await world.admin.mergePatch(namespaces, { namespace: '', name: world.namespace }, { metadata: { labels } })
    await world.createQueue('orders')
    await world.queueReady('orders')
    expect((await world.admin.get(pods, world.at('orders-0'))).spec?.containers).toHaveLength(1)
  })

  it('is served in every namespace where none is named', async () => {
    await using world = await World.start(cluster(), { config: { watchNamespaces: [] } })
    await using other = await World.start(cluster(), { operator: false })
    await world.createQueue('orders')
    await other.createQueue('orders')
    await world.queueReady('orders')
    await other.queueReady('orders')
    expect(world.sidecars.calls).toContain(`PUT ${other.namespace}/orders/orders`)
  })

  it('shows what it measures', async () => {
    await using world = await World.start(cluster(), { operator: false })
    const operator = await world.startOperator()
    await world.createQueue('orders')
    await world.queueReady('orders')
    const get = async (path: string) => (await fetch(`http://127.0.0.1:${operator.port}${path}`)).text()
    expect(await get('/healthz')).toBe('ok\n')
    expect(await get('/readyz')).toBe('ready\n')
    await eventually(async () => {
      const metrics = await get('/metrics')
      expect(metrics).toMatch(/^pillion_operator_leader 1$/m)
      expect(metrics).toMatch(/^pillion_operator_objects\{kind="Queue",ready="true"\} 1$/m)
      expect(metrics).toMatch(/^pillion_operator_objects\{kind="QueueBroker",ready="false"\} 0$/m)
      expect(metrics).toMatch(/^pillion_operator_reconcile_total\{kind="Queue",outcome="done"\} [1-9]/m)
      expect(metrics).toMatch(/^pillion_operator_workqueue_depth\{kind="Queue"\} 0$/m)
      expect(metrics).toMatch(/^pillion_operator_reconcile_seconds_count\{kind="QueueBroker"\} [1-9]/m)
    })
  })
})
