import { describe, expect, it } from 'vitest'
import { API_VERSION } from '../../../crds/index.ts'
import { peersDigest, peerToken } from '../../../crds/protocol/peers.ts'
import { newCaches } from '../../caches.ts'
import { controllerReference, type Meta } from '../../kube/object.ts'
import type { StoredQueue, StoredQueueBroker } from '../../kube/resources.ts'
import { QUEUE_FINALIZER } from '../finalizer.ts'
import { wantedPeers } from './peers.ts'

type Told = { readonly namespace?: string; readonly address?: boolean; readonly token?: string; readonly of?: string }

/** Caches that are filled as a watch does it. */
function world() {
  const caches = newCaches()
  const meta = (name: string, namespace: string): Meta => ({ name, namespace, uid: name, resourceVersion: '1' })
  const queue = (name: string, broker?: string, more: Partial<Meta> = {}): StoredQueue => {
    const spec = broker === undefined ? {} : { brokerRef: { name: broker } }
    const object = { apiVersion: API_VERSION, kind: 'Queue', metadata: { ...meta(name, 'shop'), ...more }, spec }
    caches.queues.watched('', 'ADDED', object)
    return object
  }
  const broker = (name: string, { namespace = 'shop', address = true, token = `token of ${name}`, of }: Told = {}) => {
    const owner = of === undefined ? undefined : caches.queues.get({ namespace, name: of })
    const object: StoredQueueBroker = {
      apiVersion: API_VERSION,
      kind: 'QueueBroker',
      metadata: {
        ...meta(name, namespace),
        ...(owner === undefined ? {} : { ownerReferences: [controllerReference(owner)] }),
      },
      status: address ? { address: `nats://${name}` } : {},
    }
    caches.queueBrokers.watched('', 'ADDED', object)
    caches.secrets.watched('', 'ADDED', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: meta(`${name}-sidecar`, namespace),
      data: { token: Buffer.from(token).toString('base64') },
    })
  }
  return { caches, queue, broker }
}

describe('what a broker is to know of the others', () => {
  it('is where they are, the token of peers and their Queues', () => {
    const { caches, queue, broker } = world()
    queue('orders')
    queue('returns', 'shared')
    queue('parcels', 'shared')
    broker('orders', { of: 'orders' })
    broker('shared')
    expect(wantedPeers(caches, 'shop', 'orders')).toEqual({
      self: 'orders',
      brokers: [
        {
          name: 'shared',
          url: 'http://shared.shop.svc:8080',
          token: peerToken('token of shared'),
          queues: ['parcels', 'returns'],
        },
      ],
    })
    expect(wantedPeers(caches, 'shop', 'shared').brokers).toMatchObject([{ name: 'orders', queues: ['orders'] }])
  })

  it('leaves out those of other namespaces, and those that cannot be reached yet', () => {
    const { caches, broker } = world()
    broker('self')
    broker('elsewhere', { namespace: 'other' })
    broker('being-made', { address: false })
    broker('without-token', { token: '' })
    broker('idle')
    expect(wantedPeers(caches, 'shop', 'self').brokers).toMatchObject([{ name: 'idle', queues: [] }])
  })

  it('names a Queue that is being deleted until it is done, and none that only has the name of a broker', () => {
    const { caches, queue, broker } = world()
    const going = { deletionTimestamp: '2026-01-01T00:00:00Z' }
    broker('self')
    broker('shared')
    queue('shared')
    queue('held', 'shared', { ...going, finalizers: [QUEUE_FINALIZER] })
    queue('let-go', 'shared', { ...going, finalizers: ['example.com/other'] })
    expect(wantedPeers(caches, 'shop', 'self').brokers).toMatchObject([{ name: 'shared', queues: ['held'] }])
  })

  it('is the same in whatever order things were seen', () => {
    const digests = [
      ['a', 'b', 'c'],
      ['c', 'b', 'a'],
    ].map((names) => {
      const { caches, queue, broker } = world()
      for (const name of names) broker(name)
      for (const name of names) queue(`of-${name}`, 'b')
      return peersDigest(wantedPeers(caches, 'shop', 'a'))
    })
    expect(digests[0]).toBe(digests[1])
  })
})
