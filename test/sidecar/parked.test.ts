import { jetstream } from '@nats-io/jetstream'
import { z } from 'zod'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { delayedStream, delayedSubject, laneConsumer } from '../../crds/protocol/subjects.ts'
import { eventually, numbered, type QueueInput, TestBroker, until } from './harness.ts'
import { headersOf } from './harness/delay.ts'

// What was given back with a long wait leaves its place, and comes back with its count of attempts.

let broker: TestBroker
let number = 0

beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

async function newQueue(spec: QueueInput = {}): Promise<string> {
  const queue = `parked${++number}`
  await broker.api.put(queue, spec)
  return queue
}

const HOUR = '-NAK {"delay": 3600000000000}'
/** Long enough to be parked. */
const LONG = '-NAK {"delay": 10000000000}'

const browsed = async (queue: string): Promise<unknown> => {
  const { json } = await broker.api.request('GET', `/queues/${queue}/messages`)
  return z.object({ messages: z.array(z.unknown()) }).parse(json).messages
}
const messages = async (queue: string): Promise<object> => (await broker.api.get(queue)).messages

describe.concurrent('a message with a long wait', () => {
  it.each<[string, QueueInput, string]>([
    ['Fifo', {}, ''],
    ['Exclusive', { type: 'Exclusive' }, ''],
    ['Priority', { ordering: { mode: 'Priority' } }, '.7'],
    ['Hierarchical', { type: 'Hierarchical' }, '.a.b'],
  ])('%s: leaves its place, and comes back until its last attempt', async (_, spec, rest) => {
    const queue = await newQueue({ ...spec, retry: { maxAttempts: 3 } })
    const js = await broker.js()
    await js.publish(`q.${queue}${rest}`, 'x', { msgID: 'mine', ttl: 'never', headers: headersOf({ Own: 'kept' }) })
    const puller = await broker.puller(queue)
    const first = await puller.one()
    expect(await first.settle(LONG)).toBe('')
    await eventually(async () => expect(await messages(queue)).toMatchObject({ ready: 0, inFlight: 0, delayed: 1 }))
    expect(await browsed(queue)).toEqual([])
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
    const second = await puller.one()
    expect(second.at - first.at).toBeGreaterThanOrEqual(9990)
    const [copy] = await broker.admin.messages(queue)
    expect(copy?.headers).toMatchObject({
      Own: 'kept',
      'Nats-TTL': 'never',
      'Pillion-Attempts': '1',
      'Pillion-Msg-Id': 'mine',
    })
    expect(copy?.headers).not.toHaveProperty('Pillion-Delayed-Parked')
    expect(copy?.subject).toBe(`q.${queue}${rest}`)
    expect(await browsed(queue)).toMatchObject([{ subject: `q.${queue}${rest}`, body: 'x' }])
    // Its second and third attempts, of three.
    await second.settle('-NAK {"delay": 1000000}')
    await (await puller.one()).settle('-NAK {"delay": 1000000}')
    await eventually(async () => expect((await broker.admin.deadLetters(queue)).length).toBe(1))
    const [letter] = await broker.admin.deadLetters(queue)
    expect(letter?.headers).toMatchObject({
      Own: 'kept',
      'Pillion-Dead-Letter-Attempts': '3',
      'Pillion-Dead-Letter-Msg-Id': 'mine',
      'Pillion-Dead-Letter-Reason': 'max-attempts',
    })
    expect(letter?.headers).not.toHaveProperty('Pillion-Attempts')
    await eventually(async () => expect(await messages(queue)).toMatchObject({ ready: 0, inFlight: 0, delayed: 0 }))
  })

  it.each<[string, QueueInput, string]>([
    ['strict Fifo', { ordering: { strict: true } }, ''],
    ['KeyedFifo', { ordering: { mode: 'KeyedFifo' } }, '.key'],
    ['several groups', { consumerGroups: [{ name: 'workers' }, { name: 'others' }] }, ''],
    ['a log', { retention: { until: 'Expired' } }, ''],
  ])('%s: keeps its place', async (_, spec, rest) => {
    const queue = await newQueue(spec)
    await (await broker.js()).publish(`q.${queue}${rest}`, 'x')
    await (await (await broker.puller(queue)).one()).settle(HOUR)
    expect(await messages(queue)).toMatchObject({ delayed: 0 })
    expect(await broker.admin.streamNames()).not.toContain(delayedStream(queue))
  })

  it('many of them do not stop the Queue', async () => {
    const queue = await newQueue({ retry: { backoff: { initial: '1h', max: '1h' } } })
    const COUNT = 3000
    await broker.publish(queue, ...numbered(COUNT))
    const puller = await broker.puller(queue)
    for (let left = COUNT; left > 0; ) {
      const got = await puller.fetch(500)
      for (const message of got) message.answer('-NAK')
      left -= got.length
    }
    await eventually(async () => expect(await messages(queue)).toMatchObject({ ready: 0, inFlight: 0, delayed: COUNT }))
    await broker.publish(queue, 'new')
    expect((await puller.one()).text).toBe('new')
    expect(await broker.api.delete(queue)).toMatchObject({ status: 409 })
    expect(await broker.api.delete(queue, 'Delete')).toMatchObject({ status: 200 })
    expect((await broker.admin.streamNames()).filter((name) => name.startsWith(`${queue}_`))).toEqual([])
  })

  it('waits in its place where no more may wait', async () => {
    const queue = await newQueue({ retention: { maxMessages: 2 } })
    const puller = await broker.puller(queue)
    for (const body of ['a', 'b', 'c']) {
      await broker.publish(queue, body)
      await (await puller.one()).settle(HOUR)
    }
    await eventually(async () => expect(await messages(queue)).toMatchObject({ ready: 0, inFlight: 1, delayed: 2 }))
  })
})

it('Lru: waits in the Queue, over a restart, and gives way to a newer one', async () => {
  const queue = await newQueue({ ordering: { mode: 'Lru' }, retry: { visibilityTimeout: '1s' } })
  const js = await broker.js()
  await js.publish(`q.${queue}.a`, 'a')
  await js.publish(`q.${queue}.b`, 'b')
  const puller = await broker.puller(queue)
  const started = performance.now()
  for (const message of await puller.take(2)) expect(await message.settle(LONG)).toBe('')
  // It is in the Queue, and nowhere else.
  const waiting = { ready: 0, inFlight: 2, delayed: 0 }
  expect(await messages(queue)).toMatchObject(waiting)
  await broker.sidecar.kill()
  await broker.sidecar.start()
  await broker.ready()
  expect(await messages(queue)).toMatchObject(waiting)
  await js.publish(`q.${queue}.b`, 'newer')
  const newer = await puller.one()
  expect(newer.text).toBe('newer')
  await newer.settle()
  const again = await puller.one()
  expect(again.text).toBe('a')
  expect(again.at - started).toBeGreaterThanOrEqual(9900)
  const { headers } = (await broker.admin.messages(queue)).find(({ text }) => text === 'a') ?? {}
  expect(headers).toMatchObject({ 'Pillion-Attempts': '1' })
  await again.settle()
})

it.each([
  ['leaves one', false],
  ['leaves one, also where JetStream forgot the delivery', true],
])('a crash between parking and its record %s', async (_, isForgotten) => {
  const queue = await newQueue({ retry: { visibilityTimeout: '1s' } })
  const [, seq] = await broker.publish(queue, 'open', 'x')
  const puller = await broker.puller(queue)
  await puller.take(2)
  await broker.sidecar.kill()
  if (isForgotten) await broker.admin.manager.consumers.delete(queue, laneConsumer('workers', 'fifo'))
  // What the sidecar writes first, in a stream as it makes it; it ends before it writes anything else.
  const { created, state } = await broker.admin.stream(queue)
  const storedAt = Date.parse(state.last_ts)
  const { config } = await broker.admin.stream(`${queue}_settled`)
  await broker.admin.manager.streams.add({
    ...config,
    name: delayedStream(queue),
    subjects: [`${delayedSubject(queue)}.>`],
    allow_rollup_hdrs: true,
  })
  const due = Date.now() + 3000
  const slot = Math.floor(due / 1000)
  const parked = headersOf({
    'Pillion-Attempts': '1',
    'Pillion-Delayed-Due': String(due),
    'Pillion-Delayed-Subject': `q.${queue}`,
    'Pillion-Delayed-Parked': `${seq} ${created} ${storedAt}`,
  })
  const subject = `${delayedSubject(queue)}.${Math.floor(slot / 3600)}.${slot % 3600}`
  await jetstream(broker.admin.connection).publish(subject, 'x', { headers: parked })
  await broker.sidecar.start()
  await broker.ready()
  const open = await puller.one()
  expect(open.text).toBe('open')
  await open.settle()
  const again = await puller.one()
  expect(again.text).toBe('x')
  expect(Date.now()).toBeGreaterThanOrEqual(due - 10)
  await again.settle()
  expect(await puller.fetch(1, 1500)).toEqual([])
  await until('nothing is left', async () => (await broker.admin.stream(queue)).state.messages === 0)
})
