import { expect, test } from 'vitest'
import { corrected, identity, nextMessages, putBack } from './harness/drift.ts'
import { queue } from './harness/manifests.ts'
import { bodies, publish } from './harness/messages.ts'
import { useNamespace } from './harness/namespace.ts'
import type { Stored, StoredService, StoredWorkload } from './harness/objects.ts'

// Somebody edits what the operator made; it is put right and told in an event.

const QUEUE = 'edited'
const namespace = useNamespace('drift-edited', async (namespace) => {
  await namespace.apply(queue(QUEUE))
  await namespace.queueReady(QUEUE)
  await publish(namespace, QUEUE, bodies('before', 2))
})

test('a Service: its ports are put back, and what others put on it stays', async () => {
  const otherPort = [{ op: 'replace', path: '/spec/ports/0/port', value: 4333 }]
  await namespace.kubectl('annotate', 'service', QUEUE, 'example.com/owner=somebody')
  await namespace.kubectl('patch', 'service', QUEUE, '--type=json', '--patch', JSON.stringify(otherPort))
  await corrected('port 4222, and no other, to lead to nats-server', async () => {
    const { spec } = await namespace.get<StoredService>('service', QUEUE)
    return spec.ports.map(({ port }) => port).join() === '4222,8080'
  })
  expect(await told(/Service edited: .*ports/)).toMatch(putBack)
  const { metadata } = await namespace.get<Stored>('service', QUEUE)
  expect(metadata.annotations).toMatchObject({ 'example.com/owner': 'somebody' })
})

type ConfigMap = Stored & { data: Record<string, string> }

test('the ConfigMap: put back, and no pod restarts for it', async () => {
  const config = async () => (await namespace.get<ConfigMap>('configmap', `${QUEUE}-config`)).data['nats.conf']
  const before = { config: await config(), pod: identity(await namespace.brokerPod(QUEUE)) }
  await namespace.patch('configmap', `${QUEUE}-config`, { data: { 'nats.conf': 'port: 1' } })
  await corrected('nats.conf to be what it was', async () => (await config()) === before.config)
  expect(await told(/ConfigMap edited-config: data/)).toMatch(putBack)
  expect(identity(await namespace.brokerPod(QUEUE))).toEqual(before.pod)
})

type StatefulSet = Stored & { spec: { template: { spec: { containers: Array<{ image: string }> } } } }

test('the StatefulSet: the image of nats-server is put back', async () => {
  await namespace.kubectl('set', 'image', `statefulset/${QUEUE}`, 'nats=localhost/pillion/nats-server:not-there')
  await corrected('the image to be the declared one', async () => {
    const { spec } = await namespace.get<StatefulSet>('statefulset', QUEUE)
    return spec.template.spec.containers[0]?.image === 'localhost/pillion/nats-server:dev'
  })
  expect(await told(/StatefulSet edited: .*containers\[nats\]\.image/)).toMatch(putBack)
  expect(await nextMessages(namespace, QUEUE, 1)).toEqual(['before 1'])
})

test('the StatefulSet is scaled to nothing: scaled back, with the messages that it held', async () => {
  await namespace.kubectl('scale', 'statefulset', QUEUE, '--replicas=0')
  await corrected('one replica to be wanted again', async () => {
    return (await namespace.get<StoredWorkload>('statefulset', QUEUE)).spec.replicas === 1
  })
  expect(await told(/StatefulSet edited: .*replicas/)).toMatch(putBack)
  expect(await nextMessages(namespace, QUEUE, 1)).toEqual(['before 2'])
})

type OwnBroker = Stored & { spec: { durability: string } }

test("the Queue's own QueueBroker: put back as the Queue says", async () => {
  await namespace.patch('queuebroker', QUEUE, { spec: { durability: 'Interval' } })
  await corrected('durability to be Always again', async () => {
    return (await namespace.get<OwnBroker>('queuebroker', QUEUE)).spec.durability === 'Always'
  })
  expect(await told(/QueueBroker edited: .*durability/)).toMatch(putBack)
  await publish(namespace, QUEUE, bodies('after', 1))
  expect(await nextMessages(namespace, QUEUE, 1)).toEqual(['after 1'])
})

const told = (message: RegExp) => namespace.eventSays('DriftCorrected', QUEUE, message)
