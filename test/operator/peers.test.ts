import { describe, expect, it } from 'vitest'
import { peersDigest, peerToken } from '../../crds/protocol/peers.ts'
import { secretText } from '../../operator/desired/secrets.ts'
import { queueBrokers, queues, secrets } from '../../operator/kube/resources.ts'
import { useCluster } from './harness/cluster.ts'
import { eventually } from './harness/eventually.ts'
import { World } from './harness/world.ts'

describe('the brokers of a namespace', () => {
  const cluster = useCluster(['statefulset-controller', 'garbage-collector-controller'])

  const told = (world: World, broker: string) => world.sidecars.broker(world.namespace, broker).peers
  /** Waits until a broker knows these others, and these Queues of each. */
  const knows = (world: World, broker: string, others: Readonly<Record<string, string[]>>): Promise<void> =>
    eventually(() => {
      const known = told(world, broker)?.brokers.map(({ name, queues: kept }) => [name, kept.toSorted()])
      expect(Object.fromEntries(known ?? [])).toEqual(others)
      expect(known).toBeDefined()
    })
  const callsTo = (world: World, broker: string, method: string): number =>
    world.sidecars.peerCalls.filter((call) => call === `${method} ${world.namespace}/${broker}`).length
  /** Waits until a broker was asked `more` times again what it knows, whatever was told to it in between. */
  const askedAgain = async (world: World, broker: string, more: number): Promise<void> => {
    const before = callsTo(world, broker, 'GET')
    await eventually(() => expect(callsTo(world, broker, 'GET')).toBeGreaterThanOrEqual(before + more))
  }

  it('are told of each other, soon after a Queue comes or goes, with a token that is not their own', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 600_000 } })
    await world.createBroker('shop')
    await world.createQueue('orders')
    await world.queueReady('orders')
    await knows(world, 'orders', { shop: [] })
    await knows(world, 'shop', { orders: ['orders'] })
    const token = secretText(await world.admin.get(secrets, world.at('orders-sidecar')), 'token') ?? ''
    expect(token).not.toBe('')
    expect(told(world, 'shop')).toEqual({
      self: 'shop',
      brokers: [
        {
          name: 'orders',
          url: `http://orders.${world.namespace}.svc:8080`,
          token: peerToken(token),
          queues: ['orders'],
        },
      ],
    })
    await world.createQueue('returns', { brokerRef: { name: 'shop' } })
    await knows(world, 'orders', { shop: ['returns'] })
    await world.admin.delete(queues, world.at('returns'))
    await knows(world, 'orders', { shop: [] })
    await world.admin.delete(queueBrokers, world.at('shop'))
    await knows(world, 'orders', {})
  })

  it('are told again when a sidecar has forgotten it, by the next resync, and when a token changed', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 1000 } })
    await world.createBroker('shop')
    await world.createQueue('orders')
    await knows(world, 'shop', { orders: ['orders'] })
    world.sidecars.broker(world.namespace, 'shop').peers = undefined
    await knows(world, 'shop', { orders: ['orders'] })
    await world.patch(secrets, 'orders-sidecar', { data: { token: Buffer.from('other').toString('base64') } })
    await eventually(() => expect(told(world, 'shop')?.brokers[0]?.token).toBe(peerToken('other')))
  })

  it('stay told while a pod restarts', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 1000 } })
    await world.createBroker('shop')
    await world.createQueue('orders')
    await knows(world, 'shop', { orders: ['orders'] })
    world.kubelet.held.add('orders-0')
    await world.patch(queues, 'orders', { spec: { broker: { podTemplate: { priorityClassName: 'none-such' } } } })
    await world.condition(queueBrokers, 'orders', 'BrokerReady', { status: 'False' })
    await askedAgain(world, 'shop', 2)
    expect(told(world, 'shop')?.brokers).toHaveLength(1)
  })

  it('are asked once a resync and told nothing while nothing changes, however many Queues there are', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 1000 } })
    await world.createBroker('shop')
    const names = Array.from({ length: 12 }, (_, index) => `queue-${index}`)
    for (const name of names) await world.createQueue(name, { brokerRef: { name: 'shop' } })
    await world.createQueue('orders')
    for (const name of [...names, 'orders']) await world.queueReady(name)
    await knows(world, 'orders', { shop: names.toSorted() })
    await knows(world, 'shop', { orders: ['orders'] })
    const digest = () => peersDigest(told(world, 'orders') ?? { self: '', brokers: [] })
    const before = digest()
    // What waited to be told together is over then.
    await askedAgain(world, 'orders', 3)
    await askedAgain(world, 'shop', 3)
    world.sidecars.peerCalls.length = 0
    const puts = () => world.sidecars.calls.filter((call) => call === `PUT ${world.namespace}/orders/orders`).length
    const putsBefore = puts()
    await eventually(() => expect(puts()).toBeGreaterThanOrEqual(putsBefore + 8))
    expect(world.sidecars.peerCalls.filter((call) => call.startsWith('PUT'))).toEqual([])
    // 8 resyncs of a Queue, of which the shortest lasts 0.9 s: each broker has had 8 or 9, and one more on a busy machine.
    expect(callsTo(world, 'shop', 'GET')).toBeLessThan(2 * 8)
    expect(callsTo(world, 'orders', 'GET')).toBeLessThan(2 * 8)
    expect(digest()).toBe(before)
  })

  it('that are alone are told so, once', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 1000 } })
    await world.createQueue('orders')
    await world.queueReady('orders')
    await knows(world, 'orders', {})
    expect(told(world, 'orders')?.self).toBe('orders')
    await askedAgain(world, 'orders', 3)
    expect(callsTo(world, 'orders', 'PUT')).toBe(1)
    world.sidecars.broker(world.namespace, 'orders').peers = undefined
    await knows(world, 'orders', {})
  })

  it('whose sidecar is older are as ready as others, and others are told of them', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 1000 } })
    world.sidecars.broker(world.namespace, 'orders').peers = null
    await world.createBroker('shop')
    await world.createQueue('orders')
    await world.queueReady('orders')
    await knows(world, 'shop', { orders: ['orders'] })
    await askedAgain(world, 'orders', 3)
    expect(callsTo(world, 'orders', 'PUT')).toBe(0)
    await world.condition(queueBrokers, 'orders', 'Ready', { status: 'True' })
  })
})
