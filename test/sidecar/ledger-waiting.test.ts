import { setTimeout as delay } from 'node:timers/promises'
import { jetstream, type PubAck } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type QueueLedger, ledgerSchema } from '../../crds/protocol/ledger.ts'
import { isFinished, operationListSchema } from '../../crds/protocol/operation.ts'
import { eventually, numbered, type QueueInput, TestBroker, until } from './harness.ts'
import { publishDelayed } from './harness/delay.ts'

// What waits for its time, delayed or given back, is in the ledger once, over crashes.

let broker: TestBroker
let client: NatsConnection
let number = 0
let queue = ''

beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
  client = await broker.client()
})
afterAll(() => broker?.[Symbol.asyncDispose]())
beforeEach(() => {
  queue = `waits${++number}`
})

/** Long enough to leave its place. */
const LONG = '-NAK {"delay": 10000000000}'
const HOUR = '-NAK {"delay": 3600000000000}'

const publishLater = (body: string, fields: Readonly<Record<string, string>>, rest = ''): Promise<PubAck> =>
  publishDelayed(client, `${queue}${rest}`, body, fields)

async function ledger(): Promise<QueueLedger> {
  const answer = await broker.api.request('GET', `/queues/${queue}/ledger`)
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`)
  return ledgerSchema.strict().parse(answer.json)
}

const expectBalanced = (wanted: Partial<QueueLedger>): Promise<void> =>
  eventually(async () => expect(await ledger()).toMatchObject({ ...wanted, unaccounted: 0 }))

async function restartSidecar(meanwhile: () => Promise<unknown> = async () => undefined): Promise<void> {
  await broker.sidecar.kill()
  await meanwhile()
  await broker.sidecar.start()
  await broker.ready()
}

async function crash(): Promise<void> {
  await broker.nats.crash()
  await restartSidecar(() => broker.nats.start())
}

describe('the ledger', () => {
  it.each<[string, QueueInput, string]>([
    ['Fifo', {}, ''],
    ['Hierarchical', { type: 'Hierarchical' }, '.a.b'],
  ])('of mode %s counts what waits once, and what comes back as the same message', async (_, spec, rest) => {
    await broker.api.put(queue, spec)
    const js = await broker.js()
    for (const body of numbered(5)) await js.publish(`q.${queue}${rest}`, body)
    const { seq } = await publishLater('taken back', { 'Pillion-Delay': '1h' }, rest)
    const due = new Date(Date.now() + 8000).toISOString()
    for (const body of numbered(3, 'later')) await publishLater(body, { 'Pillion-At': due }, rest)
    await expectBalanced({ accepted: 9, ready: 5, delayed: 4 })
    await broker.api.request('DELETE', `/queues/${queue}/delayed/${seq}`)
    const puller = await broker.puller(queue)
    const [acknowledged, ...parked] = await puller.take(3)
    await acknowledged?.settle()
    for (const message of parked) await message.settle(LONG)
    const before = { accepted: 8, acknowledged: 1, ready: 2, inFlight: 0, delayed: 5 }
    await expectBalanced(before)
    await crash()
    await expectBalanced(before)
    await until('delayed ones are there', async () => (await ledger()).delayed === 2)
    await expectBalanced({ ...before, ready: 5, delayed: 2 })
    await until('parked ones are back', async () => (await ledger()).delayed === 0)
    await expectBalanced({ ...before, ready: 7, delayed: 0 })
    for (const message of await puller.take(7)) await message.settle()
    const after = { accepted: 8, acknowledged: 8, ready: 0, inFlight: 0, delayed: 0 }
    await expectBalanced(after)
    await crash()
    await expectBalanced(after)
    expect((await ledger()).unaccounted).toBe(0)
  })

  it('of mode Lru counts what waits in its place as in flight, and what was too late as replaced', async () => {
    await broker.api.put(queue, { ordering: { mode: 'Lru' } })
    const js = await broker.js()
    for (const key of ['a', 'b']) await js.publish(`q.${queue}.${key}`, key)
    const puller = await broker.puller(queue)
    const [first] = await puller.take(1)
    await first?.settle(HOUR)
    const before = { accepted: 2, ready: 1, inFlight: 1, delayed: 0 }
    await expectBalanced(before)
    await restartSidecar()
    await expectBalanced(before)
    await publishLater('late', { 'Pillion-Delay': '500ms' }, '.b')
    await restartSidecar(async () => {
      await delay(1000)
      await js.publish(`q.${queue}.b`, 'newer')
    })
    const after = { accepted: 4, ready: 1, inFlight: 1, delayed: 0, replaced: 2 }
    await expectBalanced(after)
    await crash()
    // nats-server may have forgotten the delivery.
    const { ready, inFlight, ...counts } = after
    await expectBalanced(counts)
    await eventually(async () => expect((await ledger()).ready + (await ledger()).inFlight).toBe(ready + inFlight))
  })

  it('counts as expired what ended while it waited', async () => {
    await broker.api.put(queue)
    await publishLater('x', { 'Pillion-Delay': '500ms', 'Nats-TTL': '1s' })
    await expectBalanced({ accepted: 1, delayed: 1 })
    await restartSidecar(() => delay(2000))
    await expectBalanced({ accepted: 1, expired: 1, delayed: 0, ready: 0 })
    await crash()
    await expectBalanced({ accepted: 1, expired: 1, delayed: 0, ready: 0 })
    expect((await ledger()).unaccounted).toBe(0)
  })

  it('counts as expired what ended by its Nats-TTL, also between others, once it saw that there are such', async () => {
    await broker.api.put(queue)
    const js = await broker.js()
    await broker.publish(queue, 'a')
    await js.publish(`q.${queue}`, 'short', { ttl: '2s' })
    await expectBalanced({ accepted: 2, ready: 2 })
    await broker.publish(queue, 'b')
    await until('it is gone', async () => (await broker.admin.stream(queue)).state.messages === 2)
    await expectBalanced({ accepted: 3, ready: 2, expired: 1 })
    await crash()
    await expectBalanced({ accepted: 3, ready: 2, expired: 1 })
    const puller = await broker.puller(queue)
    for (const message of await puller.take(2)) await message.settle()
    await expectBalanced({ accepted: 3, acknowledged: 2, expired: 1, ready: 0, inFlight: 0 })
    expect((await ledger()).unaccounted).toBe(0)
  })
})

it.each<[string, QueueInput, (index: number) => string]>([
  ['Fifo', {}, () => ''],
  ['Priority', { ordering: { mode: 'Priority' } }, (index) => `.${index % 10}`],
  ['Lru', { ordering: { mode: 'Lru' } }, (index) => `.key${index}`],
])('mode %s: balances whenever either side was killed, with delays, long backoffs and a redrive', async (...args) => {
  const [, spec, rest] = args
  const quick = { visibilityTimeout: '1s', maxAttempts: 6, backoff: { initial: '0s' } }
  // Too short for deduplication to hide anything.
  await broker.api.put(queue, { retry: quick, deduplication: { window: '100ms' }, ...spec })
  const js = jetstream(client, { timeout: 2000 })
  const puller = await broker.puller(queue)
  const published = new Set<string>()
  const got = new Set<string>()
  const traffic = { ends: false }
  const produce = async (): Promise<void> => {
    for (let index = 0; !traffic.ends; index++) {
      const body = String(index)
      const sent =
        index % 3 === 0
          ? publishLater(body, { 'Pillion-Delay': '700ms' }, rest(index))
          : js.publish(`q.${queue}${rest(index)}`, body)
      await sent.then(
        () => published.add(body),
        () => undefined,
      )
      await delay(10)
    }
  }
  const answers = [...Array.from({ length: 12 }, () => '+ACK'), LONG, '-NAK', '+TERM', undefined]
  let answered = 0
  const consume = async (): Promise<void> => {
    while (!traffic.ends) {
      for (const message of await puller.fetch(20, 200)) {
        got.add(message.text)
        const answer = answers[answered++ % answers.length]
        if (answer !== undefined) message.answer(answer)
      }
    }
  }
  const redrive = async (): Promise<void> => {
    while (!traffic.ends) {
      const body = JSON.stringify({ kind: 'redrive' })
      await broker.api.request('POST', `/queues/${queue}/operations`, { body }).catch(() => undefined)
      await delay(300)
    }
  }
  const all = Promise.all([produce(), consume(), redrive()])
  for (const both of [false, true]) {
    const before = published.size
    await until('messages pass', () => published.size > before + 40)
    await (both ? crash() : restartSidecar())
  }
  traffic.ends = true
  await all
  await until('no redrive is under way', async () => {
    const { json } = await broker.api.request('GET', `/queues/${queue}/operations`)
    return operationListSchema.parse(json).operations.every(isFinished)
  })
  await until(
    'nothing waits',
    async () => {
      for (const message of await puller.fetch(100, 200)) {
        got.add(message.text)
        message.answer('+ACK')
      }
      const { ready, inFlight, delayed } = await ledger()
      return ready + inFlight + delayed === 0
    },
    40_000,
  )
  await expectBalanced({ ready: 0, inFlight: 0, delayed: 0 })
  const { accepted, acknowledged, deadLettered, replaced, expired, evicted } = await ledger()
  expect(accepted).toBe(acknowledged + deadLettered + replaced)
  expect([expired, evicted]).toEqual([0, 0])
  expect(accepted).toBeGreaterThanOrEqual(published.size)
  expect([...published].filter((body) => !got.has(body))).toEqual([])
})
