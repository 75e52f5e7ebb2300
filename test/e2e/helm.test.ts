import { afterAll, expect, test } from 'vitest'
import {
  helmTest,
  installation,
  installPillion,
  operatorPods,
  readyOperatorPod,
  uninstallPillion,
} from './harness/installation.ts'
import { kubectl, refusal } from './harness/kubectl.ts'
import { queue } from './harness/manifests.ts'
import { bodies, publish, take } from './harness/messages.ts'
import { useNamespace } from './harness/namespace.ts'
import { restartsOf, type StoredWorkload } from './harness/objects.ts'
import { secondsSince, tell, until } from './harness/until.ts'

const namespace = useNamespace('helm', async (namespace) => {
  await namespace.apply(queue('lasting'))
  await namespace.queueReady('lasting')
})
// Whatever failed, the tests of other files find the release as they expect it.
afterAll(() => installPillion())

test('helm test sends and receives, from a pod', async () => {
  const started = performance.now()
  const said = await helmTest()
  tell(`helm test took ${secondsSince(started)} s`)
  expect(said).toMatch(/published 10 messages to q\.\S+; received and acknowledged all of them as group workers/)
  expect(said).toMatch(/deleted Queue/)
  expect(await kubectl(['get', 'pq', '--namespace', installation.namespace])).toBe('')
})

test("an upgrade that changes the operator's settings restarts no broker", async () => {
  const before = await broker()
  const operator = await readyOperatorPod()
  await installPillion({ logLevel: 'debug', 'resources.requests.cpu': '40m' })
  expect((await readyOperatorPod()).metadata.uid).not.toBe(operator.metadata.uid)
  await expectOperatorWorks({ retry: { maxAttempts: 6 } })
  expect(await broker()).toEqual(before)
})

test('after helm uninstall, kinds, Queues and brokers are there and work; the next installation takes them over', async () => {
  const before = await broker()
  await publish(namespace, 'lasting', bodies('before', 3))
  await namespace.statusCounts('lasting', 3)

  await uninstallPillion()
  await until('no operator to be left', async () => (await operatorPods()).length === 0)
  const kinds = await kubectl(['get', 'crd', '-o', 'name'])
  expect(kinds).toMatch(/queues\.pillion\.dev/)
  expect(kinds).toMatch(/queuebrokers\.pillion\.dev/)
  await publish(namespace, 'lasting', bodies('meanwhile', 2))
  expect(await take(namespace, 'lasting', 4)).toEqual([...bodies('before', 3), 'meanwhile 1'])
  const said = await refusal(namespace.kubectl('delete', 'queues.pillion.dev', 'lasting', '--wait=false'))
  expect(said).toMatch(/queue lasting still holds 3 messages/)

  const started = performance.now()
  await installPillion()
  tell(`helm install --wait over what was left took ${secondsSince(started)} s`)
  await expectOperatorWorks({ retry: { maxAttempts: 7 } })
  expect(await broker()).toEqual(before)
  expect(await take(namespace, 'lasting', 1)).toEqual(['meanwhile 2'])
})

async function broker() {
  const pod = await namespace.readyBrokerPod('lasting')
  const { metadata } = await namespace.get<StoredWorkload>('statefulset', 'lasting')
  return {
    pod: pod.metadata.uid,
    restarts: restartsOf(pod),
    statefulSet: metadata.uid,
    generation: metadata.generation,
  }
}

/** What is declared now is done now. */
async function expectOperatorWorks(spec: object): Promise<void> {
  const { metadata } = await namespace.queue('lasting')
  await namespace.patch('pq', 'lasting', { spec })
  const after = await namespace.queueReady('lasting')
  expect(after.status?.observedGeneration).toBeGreaterThan(metadata.generation ?? 0)
}
