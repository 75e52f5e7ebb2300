import { describe, expect, it } from 'vitest'
import { queueBrokers, queues, secrets, services, statefulSets } from '../../operator/kube/resources.ts'
import { useCluster } from './harness/cluster.ts'
import { eventually } from './harness/eventually.ts'
import { World } from './harness/world.ts'

const LONG = { config: { resyncMs: 600_000 } }

describe('which broker a Queue has', () => {
  const cluster = useCluster(['statefulset-controller', 'garbage-collector-controller'])

  it('a brokerRef to nothing is told, and heals when the broker comes', async () => {
    await using world = await World.start(cluster(), LONG)
    await world.createQueue('orders', { brokerRef: { name: 'shop' } })
    await world.condition(queues, 'orders', 'Ready', {
      status: 'False',
      reason: 'BrokerNotFound',
      message: `there is no QueueBroker shop in namespace ${world.namespace}; make it, and this Queue goes on by itself`,
    })
    await world.condition(queues, 'orders', 'Configured', { status: 'Unknown', reason: 'BrokerNotFound' })
    await world.createBroker('shop')
    await world.queueReady('orders')
    expect(world.sidecars.calls).toEqual([`PUT ${world.namespace}/shop/orders`])
    expect(await world.admin.find(queueBrokers, world.at('orders'))).toBeUndefined()
  })

  it('adding a Queue to a shared broker writes nothing of the broker but the count of its Queues', async () => {
    await using world = await World.start(cluster(), LONG)
    await world.createBroker('shop')
    await world.createQueue('orders', { brokerRef: { name: 'shop' } })
    await world.queueReady('orders')
    const { metadata } = await world.admin.get(statefulSets, world.at('shop'))
    world.transport.writes.length = 0
    await world.createQueue('returns', { brokerRef: { name: 'shop' } })
    await world.queueReady('returns')
    await eventually(async () => expect((await world.broker('shop')).status?.queues).toBe(2))
    const ofBroker = world.transport.ownWrites.filter(
      (write) => !write.includes('/queues/') && !write.includes('events'),
    )
    expect(ofBroker).toEqual([
      `PATCH /apis/pillion.dev/v1alpha1/namespaces/${world.namespace}/queuebrokers/shop/status`,
    ])
    expect((await world.admin.get(statefulSets, world.at('shop'))).metadata.generation).toBe(metadata.generation)
  })

  it('a QueueBroker of the same name that somebody made is not taken over', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 1000 } })
    await world.createBroker('orders', { durability: 'Interval' })
    await world.createQueue('orders')
    await world.condition(queues, 'orders', 'Ready', {
      status: 'False',
      reason: 'ObjectNameTaken',
      message: 'QueueBroker orders is there already and is not ours; rename the Queue, or remove the QueueBroker',
    })
    expect((await world.broker('orders')).metadata.ownerReferences).toBeUndefined()
    expect((await world.broker('orders')).spec).toMatchObject({ durability: 'Interval' })
    // Removing the Queue leaves it alone as well, and removing the broker heals the Queue.
    await world.admin.delete(queueBrokers, world.at('orders'))
    await world.queueReady('orders')
  })

  it('a Service or Secret of the same name that somebody made is not taken over', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 1000 } })
    const spec = { ports: [{ port: 80 }], selector: { app: 'mine' } }
    await world.admin.create(services, { apiVersion: 'v1', kind: 'Service', metadata: world.at('orders'), spec })
    await world.createQueue('orders')
    const taken = 'Service orders is there already and is not ours; rename the QueueBroker, or remove the Service'
    await world.condition(queueBrokers, 'orders', 'Ready', {
      status: 'False',
      reason: 'ObjectNameTaken',
      message: taken,
    })
    await world.condition(queues, 'orders', 'Ready', { status: 'False', reason: 'ObjectNameTaken', message: taken })
    expect((await world.admin.get(services, world.at('orders'))).spec?.selector).toEqual({ app: 'mine' })
    await world.admin.delete(services, world.at('orders'))
    await world.queueReady('orders')

    const data = { password: Buffer.from('mine').toString('base64') }
    await world.admin.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: world.at('bank-client'), data })
    await world.createQueue('bank')
    await world.condition(queues, 'bank', 'Ready', { status: 'False', reason: 'ObjectNameTaken' })
    expect((await world.admin.get(secrets, world.at('bank-client'))).data).toEqual(data)
  })

  it('a change of the broker in the Queue reaches the StatefulSet', async () => {
    await using world = await World.start(cluster(), LONG)
    await world.createQueue('orders', { broker: { resources: { requests: { cpu: '0.5' } } } })
    await world.queueReady('orders')
    await world.patch(queues, 'orders', {
      spec: { broker: { resources: { requests: { cpu: '1000m' } }, durability: 'Interval' } },
    })
    await eventually(async () => {
      const { spec } = await world.admin.get(statefulSets, world.at('orders'))
      expect(spec?.template.spec?.containers[0]?.resources?.requests).toEqual({ cpu: '1' })
    })
    expect(await world.events('DriftCorrected')).toEqual([])
  })

  it('what the API server refuses is told, and heals', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 1000 } })
    await world.createQueue('orders', {
      broker: { podTemplate: { priorityClassName: 'none-such', labels: { 'example.com/a': 'b' } } },
    })
    // A StatefulSet is taken whatever its pods are like; the refusal of the pod is an event of the StatefulSet.
    await world.condition(queues, 'orders', 'BrokerReady', { status: 'False', reason: 'PodMissing' })
    await world.condition(queueBrokers, 'orders', 'BrokerReady', { status: 'False', reason: 'PodMissing' })
    await eventually(async () => {
      const message = (await world.queue('orders')).status?.conditions?.find(
        ({ type }) => type === 'BrokerReady',
      )?.message
      expect(message).toContain('no PriorityClass with name none-such was found')
    })
    await world.patch(queues, 'orders', { spec: { broker: { podTemplate: { priorityClassName: null } } } })
    await world.queueReady('orders')
  })
})
