import { describe, expect, it } from 'vitest'
import { podDisruptionBudgets, queues, statefulSets } from '../../operator/kube/resources.ts'
import { useCluster } from './harness/cluster.ts'
import { eventually } from './harness/eventually.ts'
import { World } from './harness/world.ts'

describe('an API server that goes away and comes back', () => {
  const cluster = useCluster(['statefulset-controller'])

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'by %s: watches go on, and what happened meanwhile is seen',
    async (signal) => {
      // Only watches can tell in this time, not a resync.
      await using world = await World.start(cluster(), { config: { resyncMs: 600_000 } })
      await world.createQueue('orders')
      await world.queueReady('orders')
      await world.createQueue('going', { deletionPolicy: 'Retain' })
      await world.queueReady('going')
      const { metadata } = await world.admin.get(statefulSets, world.at('orders'))
      await cluster().plane.restartApiServer(signal)
      // The API server is there again before the operator notices: these changes are what it missed.
      await eventually(() => world.createQueue('new'))
      await world.patch(podDisruptionBudgets, 'orders', { spec: { maxUnavailable: 0 } })
      await world.patch(queues, 'orders', { spec: { paused: true } })
      await world.admin.delete(queues, world.at('going'))
      await world.queueReady('new')
      await world.gone(queues, 'going')
      await world.event('DriftCorrected', 'PodDisruptionBudget orders')
      await eventually(() => expect(world.sidecars.queue(world.namespace, 'orders', 'orders').spec.paused).toBe(true))
      await world.queueReady('orders')
      expect((await world.admin.get(statefulSets, world.at('orders'))).metadata.uid).toBe(metadata.uid)
    },
  )

  it('while a Queue is being made: it gets ready all the same, and nothing is made twice', async () => {
    await using world = await World.start(cluster(), { config: { resyncMs: 2000 } })
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    await Promise.all(names.map((name) => world.createQueue(name)))
    await cluster().plane.restartApiServer('SIGKILL')
    for (const name of names) await world.queueReady(name)
    const { items } = await world.admin.list(statefulSets, { namespace: world.namespace })
    expect(items.map(({ metadata }) => metadata.name).toSorted()).toEqual(names)
    expect(await world.events('DriftCorrected')).toEqual([])
  })
})
