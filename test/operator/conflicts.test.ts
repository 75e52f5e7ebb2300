import { describe, expect, it } from 'vitest'
import type { KubeRequest, KubeResponse, Transport } from '../../operator/kube/transport.ts'
import { queues, secrets } from '../../operator/kube/resources.ts'
import { useCluster } from './harness/cluster.ts'
import { eventually } from './harness/eventually.ts'
import { FaultyTransport } from './harness/faulty-transport.ts'
import { World } from './harness/world.ts'

describe('somebody else writes at the same time', () => {
  const cluster = useCluster(['statefulset-controller'])

  it('to the Queue, just before a finalizer is put on and taken off: theirs stay', async () => {
    const conflicts: string[] = []
    let touch: (path: string) => Promise<void> = async () => {}
    const wrap = (transport: Transport): Transport => {
      const faulty = new FaultyTransport(noting(transport, conflicts))
      faulty.beforeWrite = (request) => touch(request.path)
      return faulty
    }
    await using world = await World.start(cluster(), { wrap, operator: false })
    const path = `/apis/pillion.dev/v1alpha1/namespaces/${world.namespace}/queues/orders`
    let left = 2
    let touched = 0
    touch = async (written) => {
      if (written !== path || left === 0) return
      left -= 1
      const { metadata } = await world.queue('orders')
      const finalizers = [...new Set([...(metadata.finalizers ?? []), 'example.com/theirs'])]
      touched += 1
      const labels = { touched: String(touched) }
      await world.patch(queues, 'orders', { metadata: { finalizers, labels } })
    }
    await world.startOperator()
    await world.createQueue('orders')
    await world.queueReady('orders')
    expect(conflicts).toHaveLength(2)
    expect((await world.queue('orders')).metadata.finalizers).toEqual(['example.com/theirs', 'pillion.dev/queue'])
    left = 1
    await world.admin.delete(queues, world.at('orders'))
    await eventually(async () => {
      expect((await world.queue('orders')).metadata.finalizers).toEqual(['example.com/theirs'])
    })
    expect(conflicts).toHaveLength(3)
    await world.patch(queues, 'orders', { metadata: { finalizers: null } })
    await world.gone(queues, 'orders')
  })

  it('the Secret, just before it is made: the passwords in it are taken, not replaced', async () => {
    let first = true
    let before: () => Promise<void> = async () => {}
    const wrap = (transport: Transport): Transport => {
      const faulty = new FaultyTransport(transport)
      faulty.beforeWrite = async ({ method, path }) => {
        if (!first || method !== 'POST' || !path.endsWith('/secrets')) return
        first = false
        await before()
      }
      return faulty
    }
    await using world = await World.start(cluster(), { wrap, operator: false })
    const data = Object.fromEntries(
      ['username', 'password', 'token'].map((key) => [key, Buffer.from(`other-${key}`).toString('base64')]),
    )
    // As another operator would have made it a moment ago.
    before = async () => {
      const labels = { 'app.kubernetes.io/managed-by': 'pillion', 'pillion.dev/broker': 'orders' }
      const metadata = { ...world.at('orders-sidecar'), labels }
      await world.admin.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata, data })
    }
    await world.startOperator()
    await world.createQueue('orders')
    await world.queueReady('orders')
    const secret = await world.admin.get(secrets, world.at('orders-sidecar'))
    expect(secret.data).toMatchObject({ password: data['password'], token: data['token'] })
    expect(first).toBe(false)
  })
})

/** Notes the path of each write that was answered with 409. */
function noting(inner: Transport, conflicts: string[]): Transport {
  return {
    async send(request: KubeRequest): Promise<KubeResponse> {
      const response = await inner.send(request)
      if (response.status === 409 && !request.path.includes('/leases')) conflicts.push(request.path)
      return response
    },
    forgetCredentials: () => inner.forgetCredentials(),
  }
}
