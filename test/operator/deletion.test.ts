import { describe, expect, it } from 'vitest'
import {
  namespaces,
  persistentVolumeClaims,
  queueBrokers,
  queues,
  secrets,
  statefulSets,
} from '../../operator/kube/resources.ts'
import { useCluster } from './harness/cluster.ts'
import { eventually } from './harness/eventually.ts'
import { World } from './harness/world.ts'

const CLAIM = 'data-orders-0'

const cluster = useCluster([
  'statefulset-controller',
  'garbage-collector-controller',
  'namespace-controller',
  'persistentvolumeclaim-protection-controller',
])

async function withMessages(world: World, deletionPolicy: string, messages: { ready?: number; deadLettered?: number }) {
  await world.createQueue('orders', { deletionPolicy })
  await world.queueReady('orders')
  const queue = world.sidecars.queue(world.namespace, 'orders', 'orders')
  queue.messages = { ...queue.messages, ...messages }
}

describe('deleting a Queue with a broker of its own', () => {
  const start = () => World.start(cluster(), { config: { resyncMs: 1000 } })

  it('KeepNonEmpty waits while messages are left, says how many and what to do, and goes on when it is drained', async () => {
    await using world = await start()
    await withMessages(world, 'KeepNonEmpty', { ready: 7 })
    await world.admin.delete(queues, world.at('orders'))
    const { message } = await world.condition(queues, 'orders', 'Deletable', { status: 'False', reason: 'NotEmpty' })
    expect(message).toBe(
      'queue orders still holds 7 messages (7 ready, 0 in flight, 0 delayed); deletion goes on by itself when consumers have drained it; or set spec.deletionPolicy: Delete to delete the messages with it, or Retain to keep them for a Queue of the same name',
    )
    await world.event('NotEmpty', 'still holds 7 messages')
    // It works on meanwhile, and nothing was taken from it.
    await world.condition(queues, 'orders', 'Ready', { status: 'True' })
    expect(world.sidecars.calls.filter((call) => call.startsWith('DELETE'))).toEqual([])
    expect((await world.broker('orders')).metadata.deletionTimestamp).toBeUndefined()
    const queue = world.sidecars.queue(world.namespace, 'orders', 'orders')
    queue.messages = { ready: 0, inFlight: 0, delayed: 0, deadLettered: 0 }
    await world.gone(queues, 'orders')
    await world.gone(queueBrokers, 'orders')
    await world.gone(statefulSets, 'orders')
    expect(world.sidecars.calls).toContain(`DELETE ${world.namespace}/orders/orders KeepNonEmpty`)
    await world.event('VolumeKept', `kubectl delete pvc --namespace ${world.namespace} ${CLAIM}`)
    expect((await world.admin.get(persistentVolumeClaims, world.at(CLAIM))).metadata.deletionTimestamp).toBeUndefined()
  })

  it('KeepNonEmpty is not held up by dead letters; their volume stays', async () => {
    await using world = await start()
    await withMessages(world, 'KeepNonEmpty', { deadLettered: 3 })
    await world.admin.delete(queues, world.at('orders'))
    await world.gone(queues, 'orders')
    await world.gone(queueBrokers, 'orders')
    expect(await world.admin.find(persistentVolumeClaims, world.at(CLAIM))).toBeDefined()
  })

  it('KeepNonEmpty lets go when the policy is changed to Delete, and then the volume goes too', async () => {
    await using world = await start()
    await withMessages(world, 'KeepNonEmpty', { ready: 7 })
    await world.admin.delete(queues, world.at('orders'))
    await world.condition(queues, 'orders', 'Deletable', { reason: 'NotEmpty' })
    await world.patch(queues, 'orders', { spec: { deletionPolicy: 'Delete' } })
    await world.gone(queues, 'orders')
    expect(await world.gone(persistentVolumeClaims, CLAIM)).toBe(true)
  })

  it('Delete removes broker and volume, messages or not', async () => {
    await using world = await start()
    await withMessages(world, 'Delete', { ready: 7 })
    await world.admin.delete(queues, world.at('orders'))
    await world.gone(queues, 'orders')
    await world.gone(queueBrokers, 'orders')
    await world.gone(statefulSets, 'orders')
    await world.gone(secrets, 'orders-client')
    expect(await world.gone(persistentVolumeClaims, CLAIM)).toBe(true)
  })

  it('Retain removes the broker and keeps the volume, which a Queue of the same name takes up', async () => {
    await using world = await start()
    await withMessages(world, 'Retain', { ready: 7 })
    const { metadata } = await world.admin.get(persistentVolumeClaims, world.at(CLAIM))
    await world.admin.delete(queues, world.at('orders'))
    await world.gone(queues, 'orders')
    await world.gone(statefulSets, 'orders')
    await world.gone(secrets, 'orders-sidecar')
    await world.event('VolumeKept', CLAIM)
    await world.createQueue('orders')
    await world.queueReady('orders')
    const kept = await world.admin.get(persistentVolumeClaims, world.at(CLAIM))
    expect(kept.metadata).toMatchObject({ uid: metadata.uid })
    expect(kept.metadata.deletionTimestamp).toBeUndefined()
    expect((await world.queue('orders')).status?.messages?.ready).toBe(7)
  })

  it('is not held up where the Queue never got anywhere', async () => {
    await using world = await start()
    world.kubelet.held.add('orders-0').add(CLAIM)
    world.sidecars.broker(world.namespace, 'orders').up = false
    await world.createQueue('orders')
    await world.condition(queues, 'orders', 'BrokerReady', { status: 'False', reason: 'VolumeNotBound' })
    await world.admin.delete(queues, world.at('orders'))
    await world.gone(queues, 'orders')
    expect(await world.event('NeverConfigured', 'the Queue never got as far as to take a message')).toMatchObject({
      type: 'Normal',
    })
  })

  it('waits for a broker that is down, since it may hold messages; Retain needs no answer', async () => {
    await using world = await start()
    await withMessages(world, 'KeepNonEmpty', { ready: 7 })
    world.sidecars.broker(world.namespace, 'orders').up = false
    await world.admin.delete(queues, world.at('orders'))
    const { message } = await world.condition(queues, 'orders', 'Deletable', {
      status: 'False',
      reason: 'BrokerUnreachable',
    })
    expect(message).toContain('the broker cannot be asked whether messages are left: connection refused')
    expect(message).toContain('set spec.deletionPolicy: Retain to keep the volume as it is')
    await world.patch(queues, 'orders', { spec: { deletionPolicy: 'Retain' } })
    await world.gone(queues, 'orders')
    expect(await world.admin.find(persistentVolumeClaims, world.at(CLAIM))).toBeDefined()
  })

  it('keeps the volume under Delete where other Queues have their messages in it', async () => {
    await using world = await start()
    await withMessages(world, 'Delete', { ready: 7 })
    await world.createQueue('guest', { brokerRef: { name: 'orders' }, deletionPolicy: 'Delete' })
    await world.queueReady('guest')
    await world.admin.delete(queues, world.at('orders'))
    await world.gone(queues, 'orders')
    expect(world.sidecars.calls).toContain(`DELETE ${world.namespace}/orders/orders Delete`)
    await world.condition(queueBrokers, 'orders', 'Deletable', { status: 'False', reason: 'InUse' })
    await world.queueReady('guest')
    expect((await world.admin.get(persistentVolumeClaims, world.at(CLAIM))).metadata.deletionTimestamp).toBeUndefined()
    await world.admin.delete(queues, world.at('guest'))
    await world.gone(queueBrokers, 'orders')
    expect(await world.admin.find(persistentVolumeClaims, world.at(CLAIM))).toBeDefined()
  })

  it('with the broker deleted by hand first: the broker stays, and works, until the Queue is gone', async () => {
    await using world = await start()
    await withMessages(world, 'KeepNonEmpty', { ready: 1 })
    await world.admin.delete(queueBrokers, world.at('orders'))
    const { message } = await world.condition(queueBrokers, 'orders', 'Deletable', { status: 'False', reason: 'InUse' })
    expect(message).toBe('Queue orders has its messages here; delete the Queue, and its broker goes with it')
    await world.patch(queues, 'orders', { spec: { paused: true } })
    await eventually(() => expect(world.sidecars.queue(world.namespace, 'orders', 'orders').spec.paused).toBe(true))
    await world.queueReady('orders')
    await world.admin.delete(queues, world.at('orders'))
    await world.condition(queues, 'orders', 'Deletable', { reason: 'NotEmpty' })
    await world.patch(queues, 'orders', { spec: { deletionPolicy: 'Delete' } })
    await world.gone(queues, 'orders')
    await world.gone(queueBrokers, 'orders')
    expect(await world.gone(persistentVolumeClaims, CLAIM)).toBe(true)
  })

  it('in the foreground (what it owns goes first) ends as well', async () => {
    await using world = await start()
    await withMessages(world, 'KeepNonEmpty', {})
    await world.admin.delete(queues, world.at('orders'), { propagation: 'Foreground' })
    expect(await world.gone(queues, 'orders')).toBe(true)
    expect(await world.gone(queueBrokers, 'orders')).toBe(true)
  })

  it('with its namespace is not held up, whatever it holds', async () => {
    await using world = await start()
    await withMessages(world, 'KeepNonEmpty', { ready: 7 })
    await world.createBroker('shop')
    await world.createQueue('returns', { brokerRef: { name: 'shop' } })
    await world.queueReady('returns')
    // Whatever goes first: the brokers could still be asked.
    const held = ['orders-sidecar', 'shop-sidecar']
    for (const name of held) await world.patch(secrets, name, { metadata: { finalizers: ['example.com/held'] } })
    await world.admin.delete(namespaces, { namespace: '', name: world.namespace })
    for (const name of ['orders', 'returns']) await world.gone(queues, name)
    for (const name of ['orders', 'shop']) await world.gone(queueBrokers, name)
    expect(world.sidecars.calls.filter((call) => !call.startsWith('PUT'))).toEqual([])
    for (const name of held) await world.patch(secrets, name, { metadata: { finalizers: null } })
    await eventually(async () => {
      expect(await world.admin.find(namespaces, { namespace: '', name: world.namespace })).toBeUndefined()
    })
  })
})

describe('deleting a Queue of a shared broker', () => {
  async function shared(deletionPolicy: string, ready: number): Promise<World> {
    const world = await World.start(cluster(), { config: { resyncMs: 1000 } })
    await world.createBroker('shop')
    await world.createQueue('orders', { brokerRef: { name: 'shop' }, deletionPolicy })
    await world.createQueue('returns', { brokerRef: { name: 'shop' } })
    await world.queueReady('orders')
    await world.queueReady('returns')
    world.sidecars.queue(world.namespace, 'shop', 'orders').messages = {
      ready,
      inFlight: 0,
      delayed: 0,
      deadLettered: 0,
    }
    return world
  }

  it.each(['Delete', 'Retain'])('%s asks the sidecar so, and leaves the broker and its volume', async (policy) => {
    await using world = await shared(policy, 7)
    await world.admin.delete(queues, world.at('orders'))
    await world.gone(queues, 'orders')
    expect(world.sidecars.calls).toContain(`DELETE ${world.namespace}/shop/orders ${policy}`)
    await eventually(async () => expect((await world.broker('shop')).status?.queues).toBe(1))
    expect((await world.broker('shop')).metadata.deletionTimestamp).toBeUndefined()
    expect(await world.admin.find(persistentVolumeClaims, world.at('data-shop-0'))).toBeDefined()
    await world.queueReady('returns')
  })

  it('KeepNonEmpty waits until it is drained', async () => {
    await using world = await shared('KeepNonEmpty', 1)
    await world.admin.delete(queues, world.at('orders'))
    const { message } = await world.condition(queues, 'orders', 'Deletable', { status: 'False', reason: 'NotEmpty' })
    expect(message).toContain('queue orders still holds 1 message (1 ready')
    world.sidecars.queue(world.namespace, 'shop', 'orders').messages = {
      ready: 0,
      inFlight: 0,
      delayed: 0,
      deadLettered: 0,
    }
    await world.gone(queues, 'orders')
  })

  it('a message that comes in between asking and removing keeps it', async () => {
    await using world = await shared('KeepNonEmpty', 0)
    world.sidecars.onCall = (call) => {
      if (call === `DELETE ${world.namespace}/shop/orders KeepNonEmpty`) {
        world.sidecars.queue(world.namespace, 'shop', 'orders').messages = {
          ready: 1,
          inFlight: 0,
          delayed: 0,
          deadLettered: 0,
        }
      }
    }
    await world.admin.delete(queues, world.at('orders'))
    await world.condition(queues, 'orders', 'Deletable', { status: 'False', reason: 'NotEmpty' })
    expect(world.sidecars.queue(world.namespace, 'shop', 'orders').messages.ready).toBe(1)
  })

  it('a broker that is gone, or going and not to be reached, does not hold it up', async () => {
    await using world = await shared('KeepNonEmpty', 7)
    world.sidecars.broker(world.namespace, 'shop').up = false
    await world.admin.delete(queues, world.at('orders'))
    const { message } = await world.condition(queues, 'orders', 'Deletable', {
      status: 'False',
      reason: 'BrokerUnreachable',
    })
    expect(message).toContain('bring QueueBroker shop back, or delete it too (its volume is kept)')
    await world.admin.delete(queueBrokers, world.at('shop'))
    await world.gone(queues, 'orders')
    await world.event('BrokerGoing', 'QueueBroker shop is being deleted')
    // The other one was not deleted, and still needs it.
    const held = await world.condition(queueBrokers, 'shop', 'Deletable', { status: 'False', reason: 'InUse' })
    expect(held.message).toBe('Queues have their messages here: returns; delete them first. Volumes are kept')
    await world.admin.delete(queues, world.at('returns'))
    await world.gone(queues, 'returns')
    await world.gone(queueBrokers, 'shop')
    await world.gone(statefulSets, 'shop')
    expect(await world.admin.find(persistentVolumeClaims, world.at('data-shop-0'))).toBeDefined()
  })

  it('that never came is not held up', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 1000 } })
    await world.createQueue('orders', { brokerRef: { name: 'none-such' } })
    await world.condition(queues, 'orders', 'Ready', { reason: 'BrokerNotFound' })
    await world.admin.delete(queues, world.at('orders'))
    await world.gone(queues, 'orders')
    expect(world.sidecars.calls).toEqual([])
  })
})
