import type { NatsConnection } from '@nats-io/transport-node'
import { expect, test } from 'vitest'
import { connectTo } from './harness/broker.ts'
import { queue, queueBroker } from './harness/manifests.ts'
import { bodies, publish, take } from './harness/messages.ts'
import { useNamespace } from './harness/namespace.ts'
import { restartsOf, type StoredWorkload } from './harness/objects.ts'
import { secondsSince, tell } from './harness/until.ts'

const namespace = useNamespace('shared-broker')
const onShop = { brokerRef: { name: 'shop' } }

test('a Queue whose broker is not there says so, and goes on when the broker comes', async () => {
  await namespace.apply(queue('payments', onShop))
  const ready = { type: 'Ready', status: 'False', reason: 'BrokerNotFound' }
  const message = await namespace.conditionSays('queues.pillion.dev', 'payments', ready)
  expect(message).toMatch(/there is no QueueBroker shop in namespace e2e-shared-broker; make it/)
  await namespace.apply(queueBroker('shop'))
  await namespace.queueReady('payments')
  await publish(namespace, 'payments', bodies('payment', 2), 'shop')
  expect(await take(namespace, 'payments', 2, { broker: 'shop' })).toEqual(bodies('payment', 2))
})

test('adding a Queue restarts nothing, and it is served', async () => {
  const before = await running()
  const connection = await connectTo(namespace, 'shop')
  try {
    const interruptions = countInterruptions(connection)
    const started = performance.now()
    await namespace.apply(queue('emails', onShop))
    await namespace.queueReady('emails', { everyMs: 100 })
    tell(`a Queue on a broker that runs was Ready after ${secondsSince(started)} s`)
    await publish(namespace, 'emails', bodies('email', 3), 'shop')
    expect(await take(namespace, 'emails', 3, { broker: 'shop' })).toEqual(bodies('email', 3))
    expect(await running()).toEqual(before)
    expect(interruptions()).toBe(0)
  } finally {
    await connection.close()
  }
})

test('removing a Queue restarts nothing either', async () => {
  const before = await running()
  await namespace.kubectl('delete', 'queues.pillion.dev', 'emails', '--timeout=120s')
  expect(await running()).toEqual(before)
  await publish(namespace, 'payments', bodies('later payment', 2), 'shop')
  expect(await take(namespace, 'payments', 2, { broker: 'shop' })).toEqual(bodies('later payment', 2))
})

/** What changes when anything of the broker is restarted or about to be. */
async function running() {
  const pod = await namespace.brokerPod('shop')
  const { metadata } = await namespace.get<StoredWorkload>('statefulset', 'shop')
  return {
    pod: pod.metadata.uid,
    restarts: restartsOf(pod),
    statefulSet: metadata.uid,
    generation: metadata.generation,
  }
}

function countInterruptions(connection: NatsConnection): () => number {
  let count = 0
  void (async () => {
    for await (const { type } of connection.status()) if (type === 'disconnect' || type === 'ldm') count++
  })()
  return () => count
}
