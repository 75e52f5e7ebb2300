import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Delivery, eventually, numbered, type Puller, TestBroker, until } from './harness.ts'
import { to, TransactionClient } from './harness/transactions.ts'

let broker: TestBroker

beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const COUNT = 160
const KILLS = 6
const WORKERS = 6

/** Asks until it is known how the transaction ended. */
async function transact(tx: TransactionClient, id: string, { text, reply }: Delivery): Promise<string> {
  const request = { id, sends: [...to('one', text), ...to('two', text, text)], acks: [reply] }
  for (;;) {
    // Nobody answers, or not in time: the same again.
    const answer = await tx.raw('commit', request, 2000).catch(() => undefined)
    if (answer !== undefined && 'id' in answer && answer.state !== 'Committing') return answer.state
    await delay(20)
  }
}

it('kill -9 of one and the other while messages are copied from one queue to two: each is there once', async () => {
  // The window is too short for deduplication to hide anything.
  const spec = { deduplication: { window: '100ms' }, retry: { visibilityTimeout: '2s', maxAttempts: 0 } }
  for (const queue of ['from', 'one', 'two']) await broker.api.put(queue, spec)
  await broker.publish('from', ...numbered(COUNT))
  const run = { ends: false }
  const states = new Map<string, number>()
  const work = async (worker: number): Promise<void> => {
    const puller = await broker.puller('from')
    const tx = new TransactionClient(await broker.client())
    for (let turn = 0; !run.ends; turn++) {
      const [delivery] = await puller.fetch(1, 300)
      if (delivery === undefined) continue
      const state = await transact(tx, `w${worker}-${turn}`, delivery)
      states.set(state, (states.get(state) ?? 0) + 1)
    }
  }
  const got: string[] = []
  const consume = async (puller: Puller): Promise<void> => {
    while (!run.ends) {
      for (const message of await puller.fetch(50, 300)) {
        got.push(message.text)
        message.answer()
      }
    }
  }
  const working = Array.from({ length: WORKERS }, (_, worker) => work(worker))
  const consuming = consume(await broker.puller('one'))
  for (let kill = 1; kill <= KILLS; kill++) {
    const share = (kill / (KILLS + 1)) * COUNT
    const last = async (): Promise<number> => (await broker.admin.stream('one')).state.last_seq
    await until('it is so far', async () => (await last()) >= share)
    const isServer = kill % 3 === 0
    if (isServer) await broker.nats.crash()
    if (!isServer || kill % 2 === 0) await broker.sidecar.kill()
    // Longer than the deduplication window.
    await delay(200)
    if (isServer) await broker.nats.start()
    if (!isServer || kill % 2 === 0) await broker.sidecar.start()
    await broker.ready()
  }
  await eventually(async () => {
    expect(await broker.api.ledger('from')).toMatchObject({
      acknowledged: COUNT,
      ready: 0,
      inFlight: 0,
      unaccounted: 0,
    })
  })
  await eventually(async () => {
    const { json } = await broker.api.request('GET', '/transactions')
    expect(json).toEqual({ transactions: [] })
  })
  await until('all came', () => new Set(got).size === COUNT)
  run.ends = true
  await Promise.all([...working, consuming])
  expect((await broker.admin.stream('one')).state.last_seq).toBe(COUNT)
  const copies = (await broker.admin.messages('two')).map(({ text }) => text)
  expect(copies.toSorted()).toEqual([...numbered(COUNT), ...numbered(COUNT)].toSorted())
  // The two of a transaction are next to each other.
  expect(copies.filter((text, index) => index % 2 === 0 && copies[index + 1] !== text)).toEqual([])
  expect(states.get('Committed')).toBe(COUNT)
  await eventually(async () => expect(await broker.admin.transactionWords()).toBe(0))
})
