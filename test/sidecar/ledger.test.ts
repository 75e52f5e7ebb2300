import { setTimeout as delay } from 'node:timers/promises'
import { jetstream } from '@nats-io/jetstream'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ledgerSchema, type QueueLedger } from '../../crds/protocol/ledger.ts'
import { eventually, type QueueInput, TestBroker, until } from './harness.ts'

// Accepted = the sum of all ends + what is there, in every mode, over restarts and crashes.

let broker: TestBroker
let number = 0
let queue = ''

beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
})
afterAll(() => broker?.[Symbol.asyncDispose]())
beforeEach(() => {
  queue = `ledger${++number}`
})

async function ledger(): Promise<QueueLedger> {
  const answer = await broker.api.request('GET', `/queues/${queue}/ledger`)
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`)
  return ledgerSchema.strict().parse(answer.json)
}

/** As it is in the end: what was on its way has arrived. */
const expectBalanced = (wanted: Partial<QueueLedger>): Promise<void> =>
  eventually(async () => expect(await ledger()).toMatchObject({ ...wanted, unaccounted: 0 }))

async function restartSidecar(): Promise<void> {
  await broker.sidecar.kill()
  await broker.sidecar.start()
  await broker.ready()
}

async function crash(): Promise<void> {
  await broker.nats.crash()
  await broker.sidecar.kill()
  await broker.nats.start()
  await broker.sidecar.start()
  await broker.ready()
}

const retry = { visibilityTimeout: '30s', maxAttempts: 2, backoff: { initial: '0s' } }
const MODES: ReadonlyArray<readonly [name: string, spec: QueueInput, subject: (index: number) => string]> = [
  ['Fifo', {}, () => ''],
  ['strict Fifo', { ordering: { mode: 'Fifo', strict: true } }, () => ''],
  ['KeyedFifo', { ordering: { mode: 'KeyedFifo', keyedFifo: { partitions: 4 } } }, (index) => `.key${index}`],
  ['Priority', { ordering: { mode: 'Priority' } }, (index) => `.${index % 10}`],
  ['Lru', { ordering: { mode: 'Lru' } }, (index) => `.key${index}`],
  ['Hierarchical', { type: 'Hierarchical' }, (index) => `.a.b${index % 3}`],
  ['Exclusive', { type: 'Exclusive' }, () => ''],
]

describe.each(MODES)('mode %s', (_, spec, subject) => {
  it('counts every end of a message, and the same after kill -9 of both', async () => {
    await broker.api.put(queue, { retry, ...spec })
    const js = await broker.js()
    const publish = async (from: number, to: number): Promise<void> => {
      for (let index = from; index < to; index++) await js.publish(`q.${queue}${subject(index)}`, String(index))
    }
    await publish(0, 9)
    const puller = await broker.puller(queue)
    for (let left = 3; left > 0; left--) await (await puller.one()).settle()
    await (await puller.one()).settle('+TERM no')
    // Given back once, and once more: its last attempt.
    const failing = await puller.one()
    await failing.settle('-NAK')
    let again = await puller.one()
    const others = []
    // Others come before it, where it went to the tail.
    while (again.text !== failing.text) {
      others.push(again)
      again = await puller.one()
    }
    for (const other of others) await other.settle()
    await again.settle('-NAK')
    const acknowledged = 3 + others.length
    const before = { accepted: 9, acknowledged, deadLettered: 2, inFlight: 0, ready: 4 - others.length }
    await expectBalanced(before)
    await crash()
    await expectBalanced(before)
    await publish(20, 25)
    await expectBalanced({ ...before, accepted: 14, ready: 9 - others.length })
    expect((await ledger()).unaccounted).toBe(0)
  })

  it('counts what expires by itself', async () => {
    await broker.api.put(queue, { retry, ...spec, retention: { maxAge: '1s' }, deduplication: { window: '1s' } })
    const js = await broker.js()
    for (let index = 0; index < 5; index++) await js.publish(`q.${queue}${subject(index)}`, String(index))
    const puller = await broker.puller(queue)
    const first = await puller.one()
    await first.settle()
    await until('the rest expired', async () => (await broker.admin.stream(queue)).state.messages === 0)
    await expectBalanced({ accepted: 5, acknowledged: 1, expired: 4, ready: 0, inFlight: 0 })
    await crash()
    await expectBalanced({ accepted: 5, acknowledged: 1, expired: 4 })
    expect((await ledger()).unaccounted).toBe(0)
  })
})

describe('under traffic', () => {
  const modes = MODES.filter(([name]) => ['Fifo', 'KeyedFifo', 'Lru'].includes(name))
  it.each(modes)('mode %s: balances whenever either side was killed', async (_, spec, subject) => {
    const quick = { visibilityTimeout: '1s', maxAttempts: 3, backoff: { initial: '0s' } }
    await broker.api.put(queue, { retry: quick, ...spec })
    const js = jetstream(await broker.client(), { timeout: 2000 })
    const puller = await broker.puller(queue)
    let published = 0
    const traffic = { ends: false }
    const produce = async (): Promise<void> => {
      for (let index = 0; !traffic.ends; index++) {
        await js.publish(`q.${queue}${subject(index)}`, String(index)).then(
          () => published++,
          () => undefined,
        )
        // No more than one that is given one at a time, and waits out a timeout now and then, gets done with.
        await delay(20)
      }
    }
    const answers = [...Array.from({ length: 17 }, () => '+ACK'), '-NAK', '+TERM', undefined]
    let answered = 0
    const consume = async (): Promise<void> => {
      while (!traffic.ends) {
        for (const message of await puller.fetch(20, 200)) {
          const answer = answers[answered++ % answers.length]
          if (answer !== undefined) message.answer(answer)
        }
      }
    }
    const all = Promise.all([produce(), consume()])
    for (const both of [false, true, false]) {
      const before = published
      await until('messages pass', () => published > before + 50)
      await (both ? crash() : restartSidecar())
    }
    traffic.ends = true
    await all
    await until('nothing is in flight', async () => {
      for (let [message] = await puller.fetch(1, 200); message !== undefined; [message] = await puller.fetch(1, 200)) {
        message.answer('+ACK')
      }
      const { ready, inFlight } = await ledger()
      return ready + inFlight === 0
    })
    await expectBalanced({ ready: 0, inFlight: 0 })
    const { accepted, acknowledged, deadLettered, replaced } = await ledger()
    expect(accepted).toBeGreaterThanOrEqual(published)
    expect(accepted).toBe(acknowledged + deadLettered + replaced)
    expect(Math.min(acknowledged, deadLettered)).toBeGreaterThan(0)
  })
})

describe('the ledger', () => {
  it('counts what a full Queue drops', async () => {
    await broker.api.put(queue, { retention: { maxMessages: 5, onLimit: 'DropOldest' } })
    await broker.publish(queue, ...Array.from({ length: 12 }, (_, index) => String(index)))
    await expectBalanced({ accepted: 12, evicted: 7, ready: 5 })
    const puller = await broker.puller(queue)
    await (await puller.one()).settle()
    await crash()
    await expectBalanced({ accepted: 12, evicted: 7, acknowledged: 1, ready: 4 })
    expect((await ledger()).unaccounted).toBe(0)
  })

  it('counts a key that was published again as replaced, and a move to the tail as no message', async () => {
    await broker.api.put(queue, { ordering: { mode: 'Lru' }, retry: { ...retry, maxAttempts: 9 } })
    const js = await broker.js()
    for (const key of ['a', 'b', 'a', 'a']) await js.publish(`q.${queue}.${key}`, key)
    await expectBalanced({ accepted: 4, replaced: 2, ready: 2 })
    const puller = await broker.puller(queue)
    await (await puller.one()).settle('-NAK')
    await expectBalanced({ accepted: 4, replaced: 2, ready: 2, acknowledged: 0 })
    expect((await broker.admin.stream(queue)).state.last_seq).toBe(5)
  })

  it('shows what nothing explains', async () => {
    await broker.api.put(queue)
    await broker.publish(queue, 'a', 'b', 'c')
    await expectBalanced({ accepted: 3, ready: 3 })
    await broker.admin.manager.streams.purge(queue, { seq: 3 })
    await eventually(async () => expect(await ledger()).toMatchObject({ accepted: 3, ready: 1, unaccounted: 2 }))
  })

  it('has one for each group, and begins late with one that came later', async () => {
    const groups = (...names: string[]) => ({ consumerGroups: names.map((name) => ({ name })) })
    await broker.api.put(queue, groups('one', 'two'))
    await broker.publish(queue, 'a', 'b', 'c')
    const one = await broker.puller(queue, 'one')
    const two = await broker.puller(queue, 'two')
    for (const message of await one.take(3)) await message.settle()
    for (const message of await two.take(2)) await message.settle()
    await eventually(async () =>
      expect(await ledger()).toMatchObject({
        acknowledged: 2,
        unaccounted: 0,
        groups: { one: { acknowledged: 3, ready: 0 }, two: { acknowledged: 2, inFlight: 0, ready: 1 } },
      }),
    )
    await until('what both are done with is gone', async () => (await broker.admin.stream(queue)).state.messages === 1)
    await broker.api.put(queue, groups('one', 'two', 'three'), 2)
    await expectBalanced({})
    expect((await ledger()).groups.three).toMatchObject({ accepted: 1, ready: 1, unaccounted: 0 })
  })

  it('starts anew with a stream that was made anew', async () => {
    await broker.api.put(queue)
    await broker.publish(queue, 'a')
    await (await (await broker.puller(queue)).one()).settle()
    await expectBalanced({ accepted: 1, acknowledged: 1 })
    await broker.admin.manager.streams.delete(queue)
    await broker.api.get(queue)
    await broker.publish(queue, 'b')
    await expectBalanced({ accepted: 1, acknowledged: 0, ready: 1 })
    expect((await ledger()).unaccounted).toBe(0)
  })
})
