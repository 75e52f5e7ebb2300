import { jetstream } from '@nats-io/jetstream'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { putSubject } from '../../crds/protocol/subjects.ts'
import { TestBroker } from './harness.ts'
import { headersOf } from './harness/delay.ts'

let broker: TestBroker

beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

it('crashes between a copy at the tail and its record, and of nats-server after its end: the original does not come back', async () => {
  const queue = 'tail'
  await broker.api.put(queue, { ordering: { mode: 'Lru' }, retry: { visibilityTimeout: '30s' } })
  const js = await broker.js()
  await js.publish(`q.${queue}.open`, 'open')
  await js.publish(`q.${queue}.key`, 'x')
  const puller = await broker.puller(queue)
  expect((await puller.take(2)).map(({ text }) => text)).toEqual(['open', 'x'])
  await broker.sidecar.kill()
  // What the sidecar writes first; it ends before it writes anything else.
  const { created } = await broker.admin.stream(queue)
  await jetstream(broker.admin.connection).publish(putSubject(`q.${queue}.key`), 'x', {
    msgID: `tail:${queue}:${created}:2`,
    headers: headersOf({ 'Pillion-Attempts': '1' }),
    expect: { lastSubjectSequence: 2 },
  })
  await broker.sidecar.start()
  await broker.ready()
  const copy = await puller.one()
  expect(copy.sequence).toBe(3)
  expect(await copy.settle()).toBe('')
  await broker.nats.crash()
  await broker.nats.start()
  await broker.ready()
  expect((await puller.fetch(10, 3000)).map(({ text }) => text)).toEqual([])
  expect(await broker.api.ledger(queue)).toMatchObject({ accepted: 2, acknowledged: 1, inFlight: 1, unaccounted: 0 })
})
