import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually, TestBroker } from './harness.ts'
import { to, TransactionClient } from './harness/transactions.ts'

let broker: TestBroker
let tx: TransactionClient

beforeAll(async () => {
  broker = await TestBroker.start()
  tx = new TransactionClient(await broker.client())
})
afterAll(() => broker?.[Symbol.asyncDispose]())

it.each([
  ['fifo', {}, ''],
  ['lru', { ordering: { mode: 'Lru' } }, 'k'],
  ['keyed', { ordering: { mode: 'KeyedFifo' } }, 'k'],
])(
  'what is consumed before a transaction is at its end is not stored again after a restart (%s)',
  async (name, spec, rest) => {
    const deduplication = { window: '100ms' }
    const [open, full] = [`${name}open`, `${name}full`]
    await broker.api.put(open, { ...spec, deduplication })
    await broker.api.put(full, { deduplication, retention: { maxMessages: 1 } })
    const { id, secret } = await tx.ask('begin', {})
    const sends = [{ queue: open, rest, body: 'a' }, ...to(full, 'b')]
    await tx.ask('send', { id, secret, from: 0, sends })
    await tx.ask('prepare', { id, secret })
    await broker.publish(full, 'x')
    expect(await tx.ask('commit', { id, secret })).toMatchObject({ state: 'Committing' })
    const puller = await broker.puller(open)
    expect(await (await puller.one()).settle()).toBe('')
    expect(await broker.api.ledger(open)).toMatchObject({ acknowledged: 1 })
    for (let restarts = 0; restarts < 2; restarts++) {
      await broker.sidecar.stop()
      await delay(200)
      await broker.sidecar.start()
      await broker.ready()
      await eventually(async () =>
        expect(await broker.api.ledger(open)).toMatchObject({ acknowledged: 1, ready: 0, inFlight: 0 }),
      )
      expect(await tx.ask('commit', { id, secret })).toMatchObject({ state: 'Committing' })
    }
    await broker.admin.manager.streams.purge(full)
    await eventually(async () => expect(await tx.ask('commit', { id, secret })).toMatchObject({ state: 'Committed' }))
    expect((await broker.admin.stream(open)).state.last_seq).toBe(1)
    expect((await broker.admin.stream(full)).state.last_seq).toBe(2)
    // Then it goes.
    await eventually(async () => expect((await broker.admin.stream(open)).state.messages).toBe(0))
  },
)

it('a full queue lets go of what is consumed, also while a transaction waits for room, and gets what it sends', async () => {
  const queue = 'busy'
  await broker.api.put(queue, { deduplication: { window: '100ms' }, retention: { maxMessages: 2 } })
  const { id, secret } = await tx.ask('begin', {})
  await tx.ask('send', { id, secret, from: 0, sends: to(queue, 'a', 'b') })
  await tx.ask('prepare', { id, secret })
  await broker.publish(queue, 'x', 'y')
  expect(await tx.ask('commit', { id, secret })).toMatchObject({ state: 'Committing', reason: /maximum messages/ })
  const puller = await broker.puller(queue)
  const left = (count: number): Promise<void> =>
    eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(count))
  // There is never room for both before the last of these has gone.
  const seen: string[] = []
  for (const next of ['1', '2', '3']) {
    const delivery = await puller.one()
    seen.push(delivery.text)
    await delivery.settle()
    await left(1)
    await broker.publish(queue, next)
    await broker.sidecar.stop()
    await broker.sidecar.start()
    await broker.ready()
  }
  for (const delivery of await puller.take(2)) {
    seen.push(delivery.text)
    await delivery.settle()
  }
  expect(seen).toEqual(['x', 'y', '1', '2', '3'])
  await eventually(async () => expect(await tx.ask('commit', { id, secret })).toMatchObject({ state: 'Committed' }))
  const got = await puller.take(2)
  expect(got.map(({ text }) => text)).toEqual(['a', 'b'])
  for (const delivery of got) await delivery.settle()
  await left(0)
})
