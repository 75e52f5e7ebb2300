import { expect, test } from 'vitest'
import { kubectlPillion } from './harness/kubectl-pillion.ts'
import { queue } from './harness/manifests.ts'
import { bodies, publish } from './harness/messages.ts'
import { useNamespace } from './harness/namespace.ts'
import type { StoredQueue } from './harness/objects.ts'
import { deploymentOf } from './harness/program.ts'
import { until } from './harness/until.ts'

const namespace = useNamespace('redrive')
const CONSUMER = 'failing-consumer'

test('a consumer that fails on some messages is mended, and kubectl pillion dlq redrive brings them back', async () => {
  await namespace.apply(queue('repaired', { retry: { maxAttempts: 2, backoff: { initial: '100ms' } } }))
  await namespace.queueReady('repaired')
  await namespace.apply(
    ...(await deploymentOf(CONSUMER, { broker: 'repaired', env: { QUEUE: 'repaired', FAILS_ON: 'bad' } })),
  )
  await publish(namespace, 'repaired', [...bodies('good', 10), ...bodies('bad', 5), ...bodies('good', 10)])
  const alert = { type: 'DeadLetterEmpty', status: 'False', reason: 'DeadLetters' }
  await until('5 dead letters, and an alert', async () => {
    const said = await namespace.conditionSays('queues.pillion.dev', 'repaired', alert)
    return said.includes('5 messages were given up')
  })

  await namespace.kubectl('set', 'env', `deployment/${CONSUMER}`, 'FAILS_ON-')
  await namespace.kubectl('rollout', 'status', `deployment/${CONSUMER}`, '--timeout=120s')
  const done = JSON.parse(await kubectlPillion('dlq', 'redrive', 'repaired', '-n', namespace.name, '-o', 'json'))
  expect(done).toMatchObject({ state: 'Succeeded', total: 5, done: 5, skipped: 0 })

  const empty = { type: 'DeadLetterEmpty', status: 'True', reason: 'Empty' }
  await namespace.conditionSays('queues.pillion.dev', 'repaired', empty)
  await until('the Queue to be empty', async () => {
    const { status } = await namespace.get<StoredQueue>('queues.pillion.dev', 'repaired')
    return status?.messages?.ready === 0 && status.messages.inFlight === 0 && status.messages.deadLettered === 0
  })
  const log = await namespace.kubectl('logs', `deployment/${CONSUMER}`)
  expect(log.match(/did bad \d/g)?.toSorted()).toEqual(bodies('did bad', 5))
  const ledger = JSON.parse(await kubectlPillion('verify', 'repaired', '-n', namespace.name, '-o', 'json'))
  expect(ledger).toMatchObject({ unaccounted: 0, acknowledged: 25 })
})
