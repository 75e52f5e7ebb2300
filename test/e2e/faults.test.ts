import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { status } from '../cluster/status.ts'
import { projectRoot } from '../cluster/paths.ts'
import { run } from '../cluster/run.ts'
import { killContainer, pidOf } from './harness/containers.ts'
import { installation, installPillion, operatorPods, readyOperatorPod, rollOperator } from './harness/installation.ts'
import { kubectl } from './harness/kubectl.ts'
import { queue } from './harness/manifests.ts'
import { useNamespace } from './harness/namespace.ts'
import { restartsOf, type StoredPod } from './harness/objects.ts'
import { until } from './harness/until.ts'
import { underTraffic } from './harness/under-traffic.ts'

// Each fault comes once, while 800 messages a second are published to and consumed from one Queue: 20,000 in all, each one synced before
// it is acknowledged (durability Always). Nothing acknowledged may be lost.

const QUEUE = 'ledgered'
const inSystem = ['--namespace', installation.namespace]
const nothingLost = {
  published: 20_000,
  acknowledged: 20_000,
  consumed: 20_000,
  lost: 0,
  unacknowledged: 0,
  unsent: 0,
  foreign: 0,
  left: 0,
  aborted: false,
}
const namespace = useNamespace('faults', async (namespace) => {
  // Short, so that what a fault left unanswered is soon delivered again.
  await namespace.apply(queue(QUEUE, { retry: { visibilityTimeout: '5s' } }))
  await namespace.queueReady(QUEUE)
})

let broker: StoredPod

beforeEach(async () => {
  broker = await namespace.readyBrokerPod(QUEUE)
})
afterEach(() => namespace.queueReady(QUEUE))

test('kill -9 of nats-server', async () => {
  const report = await underTraffic(namespace, QUEUE, () => killInBroker('nats', 'nats-server'))
  expect(report).toMatchObject(nothingLost)
  await expectRestarts({ nats: 1, sidecar: 0 })
})

test('kill -9 of the sidecar', async () => {
  const report = await underTraffic(namespace, QUEUE, () => killInBroker('sidecar', 'sidecar.mjs'))
  expect(report).toMatchObject(nothingLost)
  await expectRestarts({ nats: 0, sidecar: 1 })
})

test('the pod is deleted', async () => {
  const report = await underTraffic(namespace, QUEUE, async () => {
    await namespace.kubectl('delete', 'pod', `${QUEUE}-0`, '--wait=false')
    await namespace.readyBrokerPod(QUEUE, broker)
  })
  expect(report).toMatchObject(nothingLost)
  expect((await namespace.brokerPod(QUEUE)).metadata.uid).not.toBe(broker.metadata.uid)
})

test('the operator is killed, and then rolled', async () => {
  const operator = await readyOperatorPod()
  const report = await underTraffic(namespace, QUEUE, async () => {
    await killContainer(operator, 'operator', 'operator.mjs')
    await until('the operator to be started again by the kubelet', async () => {
      const [pod] = await operatorPods()
      return pod !== undefined && restartsOf(pod)['operator'] === (restartsOf(operator)['operator'] ?? 0) + 1
    })
    await readyOperatorPod()
    await rollOperator()
  })
  expect(report).toMatchObject(nothingLost)
  expect((await readyOperatorPod()).metadata.uid).not.toBe(operator.metadata.uid)
  await expectRestarts({ nats: 0, sidecar: 0 })
  await expectOperatorWorks()
})

test("the operator's Deployment is away for a while, and the sidecar is killed meanwhile", async () => {
  const report = await underTraffic(namespace, QUEUE, async () => {
    await kubectl(['delete', 'deployment', installation.deployment, '--cascade=foreground', ...inSystem])
    await until('no operator to be left', async () => (await operatorPods()).length === 0)
    await killInBroker('sidecar', 'sidecar.mjs')
    await sleep(3000)
    expect(await operatorPods()).toEqual([])
    await installPillion()
  })
  expect(report).toMatchObject(nothingLost)
  await readyOperatorPod()
  await expectRestarts({ nats: 0, sidecar: 1 })
  await expectOperatorWorks()
})

test('the API server is killed', async () => {
  const before = await apiServerPid()
  const report = await underTraffic(namespace, QUEUE, async () => {
    await run(process.execPath, [join(projectRoot, 'test/cluster/main.ts'), 'restart', 'kube-apiserver', '--kill'])
  })
  expect(report).toMatchObject(nothingLost)
  expect(await apiServerPid()).not.toBe(before)
  await expectRestarts({ nats: 0, sidecar: 0 })
  await expectOperatorWorks()
})

test("the broker's resources change, and its pod is rolled", async () => {
  const report = await underTraffic(namespace, QUEUE, async () => {
    await namespace.patch('pq', QUEUE, { spec: { broker: { resources: { requests: { cpu: '75m' } } } } })
    await namespace.readyBrokerPod(QUEUE, broker)
  })
  expect(report).toMatchObject(nothingLost)
  const pod = await namespace.readyBrokerPod(QUEUE)
  expect(pod.spec.containers.find(({ name }) => name === 'nats')?.resources?.requests).toEqual({ cpu: '75m' })
})

/** Kills a container of the broker pod and waits until the pod is ready with another process in its place. */
async function killInBroker(container: string, program: string): Promise<void> {
  const pid = await pidOf(broker, container)
  await killContainer(broker, container, program)
  await until(`container ${container} to run again`, async () => {
    const pod = await namespace.brokerPod(QUEUE)
    return (await pidOf(pod, container)) !== pid
  })
  await namespace.readyBrokerPod(QUEUE)
}

/** The same pod as before, each container started again so many times since. */
async function expectRestarts(more: Readonly<Record<'nats' | 'sidecar', number>>): Promise<void> {
  const pod = await namespace.brokerPod(QUEUE)
  expect(pod.metadata.uid).toBe(broker.metadata.uid)
  const before = restartsOf(broker)
  expect(restartsOf(pod)).toEqual({
    nats: (before['nats'] ?? 0) + more.nats,
    sidecar: (before['sidecar'] ?? 0) + more.sidecar,
  })
}

/** What is declared now is done now. */
async function expectOperatorWorks(): Promise<void> {
  const { metadata } = await namespace.queue(QUEUE)
  await namespace.patch('pq', QUEUE, { spec: { retry: { maxAttempts: 5 + ((metadata.generation ?? 0) % 5) + 1 } } })
  const after = await namespace.queueReady(QUEUE)
  expect(after.status?.observedGeneration).toBeGreaterThan(metadata.generation ?? 0)
}

const apiServerPid = async () => (await status()).find(({ component }) => component === 'kube-apiserver')?.pid
