import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  type Connection,
  TransactionAborted,
  transactions,
  TransactionUnknown,
} from '../../sidecar/client/transaction.ts'
import { TestBroker } from './harness.ts'

let broker: TestBroker

beforeAll(async () => {
  broker = await TestBroker.start()
  for (const queue of ['from', 'one']) await broker.api.put(queue)
  await broker.api.put('keyed', { ordering: { mode: 'KeyedFifo' } })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const texts = async (queue: string): Promise<string[]> => (await broker.admin.messages(queue)).map(({ text }) => text)

it('sends and acknowledges all of it', async () => {
  await broker.publish('from', 'cause')
  const cause = await (await broker.puller('from')).one()
  const transaction = transactions(await broker.client())
  const done = await transaction((tx) => {
    tx.send('one', 'a', { headers: { tenant: 'x', many: ['y', 'z'] } })
    tx.send('keyed', new Uint8Array([0, 255]), { rest: 'k' })
    tx.ack(cause)
  })
  expect(done).toEqual({ id: expect.any(String), state: 'Committed' })
  expect(await broker.admin.messages('one')).toMatchObject([{ text: 'a', headers: { tenant: 'x' } }])
  const [bytes] = await broker.admin.messages('keyed')
  expect([bytes?.subject, [...(bytes?.data ?? [])]]).toEqual([expect.stringMatching(/\.k$/), [0, 255]])
  expect(await broker.api.ledger('from')).toMatchObject({ acknowledged: 1, ready: 0, inFlight: 0 })
})

it('does nothing where the work fails, or the broker refuses', async () => {
  const transaction = transactions(await broker.client())
  const before = await texts('one')
  await expect(
    transaction(async (tx) => {
      tx.send('one', 'b')
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  const refused: unknown = await transaction((tx) => {
    tx.send('one', 'c')
    tx.send('nowhere', 'd')
  }).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(TransactionAborted)
  expect(refused).toMatchObject({ code: 'QueueNotFound', field: 'sends[1].queue' })
  await expect(transaction((tx) => tx.ack({ reply: '_INBOX.x' }))).rejects.toThrow(TypeError)
  expect(await texts('one')).toEqual(before)
})

it('asks again with the same id where an answer is lost, and it is done once', async () => {
  const connection = await broker.client()
  let lost = 0
  const lossy: Connection = {
    async request(...args) {
      const answer = await connection.request(...args)
      if (lost++ < 2) throw new Error('lost')
      return answer
    },
  }
  await transactions(lossy)((tx) => tx.send('one', 'once'))
  expect(lost).toBe(3)
  expect((await texts('one')).filter((text) => text === 'once')).toHaveLength(1)
})

it('says that the end is not known where nobody answers in time', async () => {
  const silent: Connection = { request: () => Promise.reject(new Error('timeout')) }
  await expect(transactions(silent, { timeout: 200 })((tx) => tx.send('one', 'x'))).rejects.toThrow(TransactionUnknown)
})
