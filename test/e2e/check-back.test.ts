import { expect, test } from 'vitest'
import { TransactionClient } from '../sidecar/harness/transactions.ts'
import { addressOf, connectTo, credentialsOf } from './harness/broker.ts'
import { kubectlPillion } from './harness/kubectl-pillion.ts'
import { queue } from './harness/manifests.ts'
import { take } from './harness/messages.ts'
import { useNamespace } from './harness/namespace.ts'
import type { StoredService } from './harness/objects.ts'
import { deploymentOf } from './harness/program.ts'
import { until } from './harness/until.ts'

const QUEUE = 'shipments'
const PRODUCER = 'check-back-producer'
const PORT = 8080

/** What the producer has in its database; `start` counts its lives, from 1. */
interface Database {
  readonly orders: ReadonlyArray<{ id: string }>
  readonly prepared: ReadonlyArray<{ id: string; start: number }>
  readonly answers: ReadonlyArray<{ id: string; answer: string; start: number }>
}

const namespace = useNamespace('check-back', async (made) => {
  await made.apply(queue(QUEUE))
  await made.queueReady(QUEUE)
})

/** Waits until a transaction is at this, as the sidecar tells. */
async function becomes(id: string, state: string): Promise<void> {
  const { http } = await addressOf(namespace, QUEUE)
  const { token = '' } = await credentialsOf(namespace, QUEUE, 'sidecar')
  await until(`transaction ${id} to be ${state}`, async () => {
    const answer = await (
      await fetch(`${http}/transactions/${id}`, { headers: { authorization: `Bearer ${token}` } })
    ).text()
    const transaction: { state?: string } = JSON.parse(answer)
    if (transaction.state === state) return true
    throw new Error(answer)
  })
}

test('a producer that dies between prepare and commit is asked when it is back, and its database decides', async () => {
  const env = {
    QUEUE,
    CHECK_BACK: `http://${PRODUCER}.${namespace.name}.svc:${PORT}/`,
    COMMITS: 'paid',
    ROLLS_BACK: 'refused',
  }
  await namespace.apply(...(await deploymentOf(PRODUCER, { broker: QUEUE, env, port: PORT, volume: '64Mi' })))
  await becomes('paid', 'Committed')
  await becomes('refused', 'Aborted')

  const { spec } = await namespace.get<StoredService>('service', PRODUCER)
  const database = await until('the producer to show its database', async () => {
    const shown: Database = JSON.parse(await (await fetch(`http://${spec.clusterIP}:${PORT}/`)).text())
    return shown
  })
  expect(database.orders).toEqual([{ id: 'paid' }])
  expect(database.prepared.map(({ id }) => id)).toEqual(['paid', 'refused'])
  for (const [id, answer] of [
    ['paid', 'commit'],
    ['refused', 'abort'],
  ]) {
    const died = database.prepared.find((one) => one.id === id)?.start ?? Infinity
    const decided = database.answers.filter((one) => one.id === id && one.answer !== 'unknown')
    expect(new Set(decided.map((one) => one.answer))).toEqual(new Set([answer]))
    for (const { start } of decided) expect(start).toBeGreaterThan(died)
  }
  expect(await take(namespace, QUEUE, 10)).toEqual(['paid'])
})

test('a transaction whose producer nobody finds is in doubt, which its Queue says until somebody decides', async () => {
  const decided = { type: 'TransactionsDecided', status: 'True', reason: 'NoneInDoubt' }
  await namespace.conditionSays('queues.pillion.dev', QUEUE, decided)
  const connection = await connectTo(namespace, QUEUE)
  try {
    const transactions = new TransactionClient(connection)
    const checkBack = { subject: 'pillion.check.nobody', firstAfter: '1s', interval: '1s', limit: 1 }
    const { id, secret } = await transactions.ask('begin', { id: 'orphan', checkBack })
    await transactions.ask('send', { id, secret, from: 0, sends: [{ queue: QUEUE, body: 'orphan' }] })
    await transactions.ask('prepare', { id, secret })
  } finally {
    await connection.close()
  }
  const doubt = { type: 'TransactionsDecided', status: 'False', reason: 'InDoubt' }
  expect(await namespace.conditionSays('queues.pillion.dev', QUEUE, doubt)).toContain('pillion tx resolve')
  const where = ['-n', namespace.name, '-o', 'json']
  expect(JSON.parse(await kubectlPillion('tx', 'list', ...where))).toMatchObject([{ id: 'orphan', state: 'InDoubt' }])

  expect(JSON.parse(await kubectlPillion('tx', 'resolve', 'orphan', 'commit', ...where))).toMatchObject({
    id: 'orphan',
  })
  await becomes('orphan', 'Committed')
  await namespace.conditionSays('queues.pillion.dev', QUEUE, decided)
  expect(await take(namespace, QUEUE, 1)).toEqual(['orphan'])
})
