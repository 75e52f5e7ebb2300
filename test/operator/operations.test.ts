import { describe, expect, it } from 'vitest'
import { API_VERSION } from '../../crds/index.ts'
import type { Operation } from '../../crds/protocol/operation.ts'
import { secretText } from '../../operator/desired/secrets.ts'
import { queueOperations, queues, secrets, type StoredQueueOperation } from '../../operator/kube/resources.ts'
import { useCluster } from './harness/cluster.ts'
import { eventually } from './harness/eventually.ts'
import { World } from './harness/world.ts'

describe('a QueueOperation', () => {
  const cluster = useCluster(['statefulset-controller', 'garbage-collector-controller'])

  const create = (world: World, name: string, spec: object): Promise<StoredQueueOperation> =>
    world.admin.create(queueOperations, {
      apiVersion: API_VERSION,
      kind: 'QueueOperation',
      metadata: world.at(name),
      spec,
    })
  const get = (world: World, name: string): Promise<StoredQueueOperation> =>
    world.admin.get(queueOperations, world.at(name))
  const redrive = { queueRef: { name: 'orders' }, kind: 'Redrive' }

  /** The sidecar gets so far with the only operation of `orders`. */
  const advance = (world: World, more: Partial<Operation>): void => {
    const { operations } = world.sidecars.queue(world.namespace, 'orders', 'orders')
    for (const [id, operation] of operations) operations.set(id, { ...operation, ...more })
  }
  const asked = (world: World): Operation[] => [
    ...world.sidecars.queue(world.namespace, 'orders', 'orders').operations.values(),
  ]

  it('waits for its Queue, is asked of the broker once, tells how far it is, and goes when its time is over', async () => {
    await using world = await World.start(cluster())
    await create(world, 'again', {
      ...redrive,
      select: { reason: 'MaxAttempts', count: 5 },
      ttlSecondsAfterFinished: 3,
    })
    await world.condition(queueOperations, 'again', 'Ready', { status: 'False', reason: 'QueueNotFound' })
    await world.createQueue('orders')
    await world.condition(queueOperations, 'again', 'Ready', { status: 'False', reason: 'Running' })
    expect(asked(world)).toMatchObject([
      { kind: 'redrive', from: 'dead-letters', select: { reason: 'max-attempts', count: 5 }, dryRun: false },
    ])
    advance(world, { state: 'Waiting', message: 'queue orders is full', looked: 4, done: 4 })
    await world.condition(queueOperations, 'again', 'Ready', { reason: 'Waiting', message: 'queue orders is full' })
    const { metadata, status } = await get(world, 'again')
    expect(status?.messages).toEqual({ total: 10, looked: 4, done: 4, skipped: 0 })
    const { uid } = (await world.queue('orders')).metadata
    expect(metadata.ownerReferences).toMatchObject([{ kind: 'Queue', name: 'orders', uid }])
    advance(world, { state: 'Succeeded', message: '', looked: 10, done: 9, finishedAt: new Date().toISOString() })
    await world.condition(queueOperations, 'again', 'Complete', {
      status: 'True',
      reason: 'Succeeded',
      message: '9 messages done',
    })
    await world.event('Succeeded', '9 messages done')
    expect(asked(world)).toHaveLength(1)
    await world.gone(queueOperations, 'again')
  })

  it('goes on where it was with another operator', async () => {
    await using world = await World.start(cluster())
    await world.createQueue('orders')
    await create(world, 'again', redrive)
    await world.condition(queueOperations, 'again', 'Ready', { reason: 'Running' })
    await world.operator.stop()
    advance(world, { state: 'Succeeded', done: 10, looked: 10 })
    await world.startOperator()
    await world.condition(queueOperations, 'again', 'Complete', { status: 'True' })
    expect(asked(world)).toHaveLength(1)
  })

  it('is cancelled by being deleted, and holds up nothing where its Queue is gone', async () => {
    await using world = await World.start(cluster())
    await world.createQueue('orders')
    await create(world, 'again', redrive)
    await create(world, 'orphan', { ...redrive, queueRef: { name: 'nowhere' } })
    await world.condition(queueOperations, 'again', 'Ready', { reason: 'Running' })
    await world.admin.delete(queueOperations, world.at('again'))
    await world.gone(queueOperations, 'again')
    expect(asked(world)).toMatchObject([{ state: 'Cancelled' }])
    await world.admin.delete(queueOperations, world.at('orphan'))
    await world.gone(queueOperations, 'orphan')
  })

  it('goes with its Queue', async () => {
    await using world = await World.start(cluster())
    await world.createQueue('orders')
    await create(world, 'again', redrive)
    await world.condition(queueOperations, 'again', 'Ready', { reason: 'Running' })
    await world.admin.delete(queues, world.at('orders'))
    expect(await world.gone(queueOperations, 'again')).toBe(true)
  })

  it('that moves to another broker waits for its Queue, and tells again and again how it is reached', async () => {
    await using world = await World.start(cluster())
    await world.createQueue('orders')
    await create(world, 'over', {
      queueRef: { name: 'orders' },
      kind: 'Move',
      from: 'DeadLetters',
      to: { name: 'others' },
    })
    await world.condition(queueOperations, 'over', 'Ready', { status: 'False', reason: 'QueueNotFound' })
    expect(asked(world)).toEqual([])
    await world.createQueue('others')
    await world.condition(queueOperations, 'over', 'Ready', { status: 'False', reason: 'Running' })
    const url = `http://others.${world.namespace}.svc:8080`
    expect(asked(world)).toMatchObject([{ kind: 'move', to: 'others', broker: { url } }])
    const { tokens } = world.sidecars.queue(world.namespace, 'orders', 'orders')
    await eventually(async () => expect(tokens.length).toBeGreaterThan(2))
    const secret = await world.admin.get(secrets, world.at('others-sidecar'))
    expect(new Set(tokens)).toEqual(new Set([secretText(secret, 'token')]))
    await world.admin.delete(queueOperations, world.at('over'))
    await world.gone(queueOperations, 'over')
    expect(asked(world)).toMatchObject([{ state: 'Cancelled' }])
  })
})
