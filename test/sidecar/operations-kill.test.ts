import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { isFinished, type Operation, operationSchema } from '../../crds/protocol/operation.ts'
import { eventually, numbered, TestBroker, until } from './harness.ts'

let broker: TestBroker

beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const COUNT = 1500

async function look(id: string): Promise<Operation | undefined> {
  const answer = await broker.api.request('GET', `/queues/killed/operations/${id}`).catch(() => undefined)
  return answer?.status === 200 ? operationSchema.parse(answer.json) : undefined
}

it('kill -9 of both in the middle of a redrive, whose copies are consumed at once: none is lost, none doubled', async () => {
  // The window is too short for deduplication to hide anything.
  await broker.api.put('killed', {
    deduplication: { window: '100ms' },
    retry: { visibilityTimeout: '2s', maxAttempts: 9 },
  })
  await broker.publish('killed', ...numbered(COUNT))
  const puller = await broker.puller('killed')
  for (const message of await puller.take(COUNT)) message.answer('+TERM')
  await until('all are dead', async () => (await broker.admin.stream('killed_dlq')).state.messages === COUNT)
  const got = new Set<string>()
  const consumer = { ends: false }
  const consume = async (): Promise<void> => {
    while (!consumer.ends) {
      for (const message of await puller.fetch(100, 200)) {
        got.add(message.text)
        message.answer()
      }
    }
  }
  const consuming = consume()
  const body = JSON.stringify({ kind: 'redrive', id: 'one', ratePerSecond: 400 })
  await broker.api.request('POST', '/queues/killed/operations', { body })
  for (const share of [0.1, 0.3, 0.5, 0.7]) {
    await until('it is so far', async () => ((await look('one'))?.done ?? 0) >= share * COUNT)
    await broker.nats.crash()
    await broker.sidecar.kill()
    await delay(200)
    await broker.nats.start()
    await broker.sidecar.start()
    await broker.ready()
  }
  const end = await until('it has ended', async () => {
    const operation = await look('one')
    return operation !== undefined && isFinished(operation) && operation
  })
  expect(end).toMatchObject({ state: 'Succeeded', done: COUNT, skipped: 0 })
  await until('all came', () => got.size === COUNT)
  await eventually(async () => {
    const wanted = {
      accepted: 2 * COUNT,
      acknowledged: COUNT,
      deadLettered: COUNT,
      ready: 0,
      inFlight: 0,
      unaccounted: 0,
    }
    expect(await broker.api.ledger('killed')).toMatchObject(wanted)
  })
  expect((await broker.admin.stream('killed_dlq')).state.messages).toBe(0)
  consumer.ends = true
  await consuming
})
