import { expect, test } from 'vitest'
import { API_VERSION } from '../../crds/index.ts'
import { queue } from './harness/manifests.ts'
import { bodies, publish, take } from './harness/messages.ts'
import { useNamespace } from './harness/namespace.ts'

const namespace = useNamespace('operations')

test('dead letters fill, the Queue says so, a QueueOperation brings them back, and it is empty and balanced', async () => {
  await namespace.apply(queue('failing', { retry: { maxAttempts: 1 } }))
  await namespace.queueReady('failing')
  await publish(namespace, 'failing', bodies('failed', 5))
  expect(await take(namespace, 'failing', 5, { settle: (message) => message.term('not yet') })).toHaveLength(5)
  const alert = { type: 'DeadLetterEmpty', status: 'False', reason: 'DeadLetters' }
  expect(await namespace.conditionSays('queues.pillion.dev', 'failing', alert)).toContain('5 messages were given up')
  await namespace.apply({
    apiVersion: API_VERSION,
    kind: 'QueueOperation',
    metadata: { name: 'again' },
    spec: { queueRef: { name: 'failing' }, kind: 'Redrive', select: { reason: 'Rejected' } },
  })
  await namespace.kubectl('wait', 'queueoperations.pillion.dev/again', '--for=condition=Complete', '--timeout=120s')
  expect(await namespace.get('queueoperations.pillion.dev', 'again')).toMatchObject({
    status: { messages: { total: 5, done: 5, skipped: 0 } },
  })
  expect(await take(namespace, 'failing', 5)).toEqual(bodies('failed', 5))
  const empty = { type: 'DeadLetterEmpty', status: 'True', reason: 'Empty' }
  await namespace.conditionSays('queues.pillion.dev', 'failing', empty)
  await namespace.kubectl('delete', 'queueoperations.pillion.dev', 'again', '--timeout=60s')
})

test('a QueueOperation moves messages to another broker, whose pod goes in the middle: each comes once', async () => {
  const COUNT = 600
  await namespace.apply(queue('from', { paused: true }), queue('to'))
  await namespace.queueReady('from')
  await namespace.queueReady('to')
  await publish(namespace, 'from', bodies('moved', COUNT))
  await namespace.apply({
    apiVersion: API_VERSION,
    kind: 'QueueOperation',
    metadata: { name: 'over' },
    spec: { queueRef: { name: 'from' }, kind: 'Move', from: 'Messages', to: { name: 'to' }, ratePerSecond: 40 },
  })
  const isUnderWay = '--for=jsonpath={.status.conditions[?(@.type=="Ready")].reason}=Running'
  await namespace.kubectl('wait', 'queueoperations.pillion.dev/over', isUnderWay, '--timeout=60s')
  await namespace.kubectl('delete', 'pod', '-l', 'pillion.dev/broker=to', '--wait=false')
  await namespace.kubectl('wait', 'queueoperations.pillion.dev/over', '--for=condition=Complete', '--timeout=180s')
  expect(await namespace.get('queueoperations.pillion.dev', 'over')).toMatchObject({
    status: { messages: { total: COUNT, done: COUNT, skipped: 0 } },
  })
  expect(await take(namespace, 'to', COUNT)).toEqual(bodies('moved', COUNT))
})
