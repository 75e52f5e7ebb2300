import { expect, test } from 'vitest'
import type { Transaction } from '../../crds/protocol/transaction.ts'
import { addressOf, credentialsOf } from './harness/broker.ts'
import { queue } from './harness/manifests.ts'
import { take } from './harness/messages.ts'
import { useNamespace } from './harness/namespace.ts'
import { until } from './harness/until.ts'

/** Each has a broker of its own. */
const ASKED = 'billing'
const OTHER = 'packing'

const namespace = useNamespace('transactions', async (made) => {
  await made.apply(queue(ASKED), queue(OTHER))
  await made.queueReady(ASKED)
  await made.queueReady(OTHER)
})

/** Asks the broker of the one Queue for a transaction that sends to both, until it was told who keeps the other. */
async function commitToBoth(id: string): Promise<void> {
  const { token = '' } = await credentialsOf(namespace, ASKED, 'sidecar')
  const { http } = await addressOf(namespace, ASKED)
  const sends = [ASKED, OTHER].map((name) => ({ queue: name, body: `${id} of ${name}` }))
  await until(`transaction ${id} to be committed`, async () => {
    const answer = await fetch(`${http}/transactions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ id, sends }),
    })
    const text = await answer.text()
    const transaction: Partial<Transaction> = JSON.parse(text)
    if (transaction.state === 'Committed') return true
    throw new Error(text)
  })
}

test('a transaction spans brokers that the operator told of each other, also after the pod of one was deleted', async () => {
  await commitToBoth('first')
  const before = await namespace.brokerPod(ASKED)
  await namespace.kubectl('delete', 'pod', `${ASKED}-0`, '--wait=false')
  await namespace.readyBrokerPod(ASKED, before)
  await commitToBoth('second')
  expect(await take(namespace, ASKED, 2)).toEqual([`first of ${ASKED}`, `second of ${ASKED}`])
  expect(await take(namespace, OTHER, 2)).toEqual([`first of ${OTHER}`, `second of ${OTHER}`])
})
