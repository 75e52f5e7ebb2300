import { describe, expect, it } from 'vitest'
import { leases, queues } from '../../operator/kube/resources.ts'
import type { RunningOperator } from '../../operator/operator.ts'
import { useCluster } from './harness/cluster.ts'
import { eventually } from './harness/eventually.ts'
import { FaultyTransport } from './harness/faulty-transport.ts'
import { RecordingTransport } from './harness/recording-transport.ts'
import { World } from './harness/world.ts'

const lease = (world: World) => world.admin.get(leases, world.at('pillion-operator'))

describe('two operators', () => {
  const cluster = useCluster(['statefulset-controller'])
  const leads = (operator: RunningOperator) => eventually(() => expect(operator.isLeading()).toBe(true))

  it('one leads and the other writes nothing; when the first one stops, the second takes over at once', async () => {
    await using world = await World.start(cluster(), { operator: false })
    const [one, two] = [0, 1].map(() => new RecordingTransport(cluster().operatorTransport()))
    const first = await world.startOperator(one)
    await leads(first)
    const second = await world.startOperator(two)
    await world.createQueue('orders')
    await world.queueReady('orders')
    await eventually(() => expect(two?.reads.some((read) => read.includes('leases'))).toBe(true))
    expect(second.isLeading()).toBe(false)
    expect(two?.writes).toEqual([])
    expect(two?.reads.filter((read) => !read.includes('leases'))).toEqual([])
    const ready = await fetch(`http://127.0.0.1:${second.port}/readyz`)
    expect(ready.status).toBe(200)
    const transitions = (await lease(world)).spec?.leaseTransitions ?? 0
    await first.stop()
    // The lease was given back: nobody waits for it to run out.
    expect((await lease(world)).spec?.holderIdentity === '' || second.isLeading()).toBe(true)
    await leads(second)
    await world.patch(queues, 'orders', { spec: { paused: true } })
    await eventually(() => expect(world.sidecars.queue(world.namespace, 'orders', 'orders').spec.paused).toBe(true))
    await eventually(async () => expect((await lease(world)).spec?.leaseTransitions).toBeGreaterThan(transitions))
  })

  it('the leader is cut off: it stops by itself before the other one takes over, and stands by when it is back', async () => {
    await using world = await World.start(cluster(), { operator: false })
    const faulty = new FaultyTransport(cluster().operatorTransport())
    const first = await world.startOperator(faulty)
    await leads(first)
    const second = await world.startOperator()
    await world.createQueue('orders')
    await world.queueReady('orders')
    faulty.cutOff = true
    let both = false
    await eventually(() => {
      both ||= first.isLeading() && second.isLeading()
      expect(second.isLeading()).toBe(true)
    })
    expect(both).toBe(false)
    const held = await lease(world)
    faulty.cutOff = false
    await world.patch(queues, 'orders', { spec: { paused: true } })
    await eventually(() => expect(world.sidecars.queue(world.namespace, 'orders', 'orders').spec.paused).toBe(true))
    expect(first.isLeading()).toBe(false)
    expect((await lease(world)).spec?.holderIdentity).toBe(held.spec?.holderIdentity)
    await second.stop()
    await leads(first)
  })
})
