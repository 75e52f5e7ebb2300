import { afterAll, describe, expect, test } from 'vitest'
import { installation, operatorPods, readyOperatorPod } from './harness/installation.ts'
import { kubectl, refusal } from './harness/kubectl.ts'
import { queue, queueBroker } from './harness/manifests.ts'
import { bodies, publish, take } from './harness/messages.ts'
import { Namespace, useNamespace } from './harness/namespace.ts'
import type { StoredClaim } from './harness/objects.ts'
import { secondsSince, tell, until } from './harness/until.ts'

const QUEUES = 'queues.pillion.dev'
const namespace = useNamespace('deletion')

describe('KeepNonEmpty', () => {
  test('a Queue that holds messages is refused to be deleted, with their number', async () => {
    await namespace.apply(queue('full'))
    await namespace.queueReady('full')
    await publish(namespace, 'full', bodies('full', 7))
    await namespace.statusCounts('full', 7)
    const said = await refusal(namespace.kubectl('delete', QUEUES, 'full', '--wait=false'))
    tell(said)
    expect(said).toMatch(
      /queue full still holds 7 messages \(7 ready, 0 in flight, 0 delayed\); let consumers drain it first/,
    )
    expect((await namespace.queue('full')).metadata.deletionTimestamp).toBeUndefined()
  })

  test('what status does not tell yet, the broker is asked for: the Queue stays, works, and goes when it is drained', async () => {
    await namespace.apply(queue('stale'))
    await namespace.queueReady('stale')
    await namespace.statusCounts('stale', 0)
    // With no operator, status stays what it is, however long this takes.
    await scaleOperator(0)
    await publish(namespace, 'stale', bodies('stale', 3))
    await namespace.kubectl('delete', QUEUES, 'stale', '--wait=false')
    await scaleOperator(1)

    const held = await namespace.conditionSays(QUEUES, 'stale', {
      type: 'Deletable',
      status: 'False',
      reason: 'NotEmpty',
    })
    expect(held).toMatch(/queue stale still holds 3 messages/)
    await namespace.eventSays('NotEmpty', 'stale', /still holds 3 messages.*deletion goes on by itself/)
    expect((await namespace.brokerPod('stale')).metadata.deletionTimestamp).toBeUndefined()

    expect(await take(namespace, 'stale', 3)).toEqual(bodies('stale', 3))
    await namespace.gone(QUEUES, 'stale')
    await namespace.gone('statefulset', 'stale')
    // Dead letters may be in it.
    expect((await namespace.get<StoredClaim>('pvc', 'data-stale-0')).metadata.deletionTimestamp).toBeUndefined()
  })
})

describe('Delete', () => {
  test('the Queue goes with its broker and its volume', async () => {
    await namespace.apply(queue('gone', { deletionPolicy: 'Delete' }))
    await namespace.queueReady('gone')
    await publish(namespace, 'gone', bodies('gone', 4))
    const { spec } = await namespace.get<StoredClaim>('pvc', 'data-gone-0')
    const volume = spec.volumeName ?? 'no volume'
    expect(await kubectl(['get', 'pv', volume, '-o', 'name'])).toContain(volume)

    const started = performance.now()
    await namespace.kubectl('delete', QUEUES, 'gone', '--timeout=120s')
    for (const kind of ['queuebrokers.pillion.dev', 'statefulset', 'service', 'networkpolicy'])
      await namespace.gone(kind, 'gone')
    for (const secret of ['gone-client', 'gone-sidecar']) await namespace.gone('secret', secret)
    await namespace.gone('pod', 'gone-0')
    await namespace.gone('pvc', 'data-gone-0')
    await until(
      `volume ${volume} to be gone`,
      async () => (await kubectl(['get', 'pv', volume, '--ignore-not-found'])) === '',
    )
    tell(`a Queue with deletionPolicy Delete, its broker and volume were gone after ${secondsSince(started)} s`)
  })

  test('on a shared broker, its messages go and those of others stay', async () => {
    await namespace.apply(
      queueBroker('shared'),
      queue('leaving', { brokerRef: { name: 'shared' }, deletionPolicy: 'Delete' }),
      queue('staying', { brokerRef: { name: 'shared' } }),
    )
    await namespace.queueReady('leaving')
    await namespace.queueReady('staying')
    await publish(namespace, 'leaving', bodies('leaving', 3), 'shared')
    await publish(namespace, 'staying', bodies('staying', 3), 'shared')
    await namespace.kubectl('delete', QUEUES, 'leaving', '--timeout=120s')
    await namespace.apply(queue('leaving', { brokerRef: { name: 'shared' }, deletionPolicy: 'Retain' }))
    await namespace.queueReady('leaving')
    expect(await take(namespace, 'leaving', 1, { broker: 'shared', expires: 1000 })).toEqual([])
    expect(await take(namespace, 'staying', 3, { broker: 'shared' })).toEqual(bodies('staying', 3))
  })
})

describe('Retain', () => {
  test('the volume stays, and a Queue of the same name gets it back with its messages', async () => {
    await namespace.apply(queue('kept', { deletionPolicy: 'Retain' }))
    await namespace.queueReady('kept')
    await publish(namespace, 'kept', bodies('kept', 5))
    expect(await take(namespace, 'kept', 2)).toEqual(['kept 1', 'kept 2'])
    const before = await namespace.get<StoredClaim>('pvc', 'data-kept-0')

    await namespace.kubectl('delete', QUEUES, 'kept', '--timeout=120s')
    await namespace.gone('pod', 'kept-0')
    await namespace.eventSays('VolumeKept', 'kept', /data-kept-0 is kept/)
    const after = await namespace.get<StoredClaim>('pvc', 'data-kept-0')
    expect([after.metadata.uid, after.status.phase]).toEqual([before.metadata.uid, 'Bound'])

    await namespace.apply(queue('kept', { deletionPolicy: 'Retain' }))
    await namespace.queueReady('kept')
    expect(await take(namespace, 'kept', 10, { expires: 2000 })).toEqual(['kept 3', 'kept 4', 'kept 5'])
  })

  test('on a shared broker, messages stay for a Queue of the same name', async () => {
    // Made by the test of deletionPolicy Delete on a shared broker.
    await publish(namespace, 'leaving', bodies('again', 3), 'shared')
    await namespace.kubectl('delete', QUEUES, 'leaving', '--timeout=120s')
    await namespace.apply(queue('leaving', { brokerRef: { name: 'shared' } }))
    await namespace.queueReady('leaving')
    expect(await take(namespace, 'leaving', 3, { broker: 'shared' })).toEqual(bodies('again', 3))
  })
})

test('a QueueBroker that Queues need stays until they are gone', async () => {
  await namespace.kubectl('delete', 'queuebrokers.pillion.dev', 'shared', '--wait=false')
  const held = await namespace.conditionSays('queuebrokers.pillion.dev', 'shared', {
    type: 'Deletable',
    status: 'False',
    reason: 'InUse',
  })
  expect(held).toMatch(/leaving, staying/)
  await publish(namespace, 'staying', bodies('still served', 1), 'shared')
  expect(await take(namespace, 'staying', 1, { broker: 'shared' })).toEqual(bodies('still served', 1))
  for (const name of ['leaving', 'staying']) await namespace.statusCounts(name, 0)
  await namespace.kubectl('delete', QUEUES, 'leaving', 'staying', '--timeout=120s')
  await namespace.gone('queuebrokers.pillion.dev', 'shared')
})

describe('a namespace with Queues that hold messages', () => {
  const going = new Namespace('e2e-deletion-of-a-namespace')
  afterAll(() => going.remove())

  test('is deleted and does not hang', async () => {
    await going.create()
    await going.apply(queueBroker('shared'), queue('own'), queue('guest', { brokerRef: { name: 'shared' } }))
    for (const name of ['own', 'guest']) await going.queueReady(name)
    await publish(going, 'own', bodies('own', 3))
    await publish(going, 'guest', bodies('guest', 3), 'shared')
    for (const name of ['own', 'guest']) await going.statusCounts(name, 3)
    const started = performance.now()
    await kubectl(['delete', 'namespace', going.name, '--timeout=150s'])
    tell(`a namespace with two full Queues was gone after ${secondsSince(started)} s`)
    expect(await kubectl(['get', 'namespace', going.name, '--ignore-not-found'])).toBe('')
  })
})

async function scaleOperator(replicas: 0 | 1): Promise<void> {
  const deployment = ['deployment', installation.deployment, '--namespace', installation.namespace]
  await kubectl(['scale', ...deployment, `--replicas=${replicas}`])
  if (replicas === 1) await readyOperatorPod()
  else await until('no operator to be left', async () => (await operatorPods()).length === 0)
}
