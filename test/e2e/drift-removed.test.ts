import { expect, test } from 'vitest'
import { corrected, identity, madeAgain, nextMessages } from './harness/drift.ts'
import { queue } from './harness/manifests.ts'
import { bodies, publish } from './harness/messages.ts'
import { useNamespace } from './harness/namespace.ts'
import type { Stored } from './harness/objects.ts'

// Somebody deletes what the operator made; it is made again and told in an event.

const QUEUE = 'removed'
const namespace = useNamespace('drift-removed', async (namespace) => {
  await namespace.apply(queue(QUEUE))
  await namespace.queueReady(QUEUE)
  await publish(namespace, QUEUE, bodies('kept', 2))
})

test.each([
  ['service', QUEUE],
  ['service', `${QUEUE}-pods`],
  ['configmap', `${QUEUE}-config`],
  ['networkpolicy', QUEUE],
  ['poddisruptionbudget', QUEUE],
  ['serviceaccount', `${QUEUE}-broker`],
])('the %s %s: made again, and the pod goes on', async (kind, name) => {
  const before = identity(await namespace.readyBrokerPod(QUEUE))
  await removeAndWait(kind, name)
  expect(await told(new RegExp(`${name} had been removed`))).toMatch(madeAgain)
  expect(identity(await namespace.brokerPod(QUEUE))).toEqual(before)
})

test('the StatefulSet: made again, on the same volume', async () => {
  await removeAndWait('statefulset', QUEUE)
  expect(await told(/StatefulSet removed had been removed/)).toMatch(madeAgain)
  expect(await nextMessages(namespace, QUEUE, 2)).toEqual(['kept 1', 'kept 2'])
})

async function removeAndWait(kind: string, name: string): Promise<void> {
  const { metadata } = await namespace.get<Stored>(kind, name)
  await namespace.kubectl('delete', kind, name)
  await corrected(`${kind} ${name} to be there again`, async () => {
    const again = await namespace.find<Stored>(kind, name)
    return again !== undefined && again.metadata.uid !== metadata.uid
  })
}

const told = (message: RegExp) => namespace.eventSays('DriftCorrected', QUEUE, message)
