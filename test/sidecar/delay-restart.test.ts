import { jetstream, type PubAck } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { delayedStream, delayedSubject, laneConsumer, settlementSubject } from '../../crds/protocol/subjects.ts'
import { encodeRecord } from '../../sidecar/settlement/record.ts'
import { eventually, numbered, type QueueInput, TestBroker } from './harness.ts'
import { headersOf, publishDelayed } from './harness/delay.ts'

// What waits outlives every crash, and comes once. Each crash is of the one broker of this file, so these run one by one.

let broker: TestBroker
let client: NatsConnection
let number = 0

beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
  client = await broker.client()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

async function newQueue(spec: QueueInput = {}): Promise<string> {
  const queue = `restart${++number}`
  await broker.api.put(queue, spec)
  return queue
}

const publish = (subject: string, body: string, fields: Readonly<Record<string, string>>): Promise<PubAck> =>
  publishDelayed(client, subject, body, fields)
const delayed = async (queue: string): Promise<number> => (await broker.api.get(queue)).messages.delayed
const texts = async (queue: string): Promise<string[]> => (await broker.admin.messages(queue)).map(({ text }) => text)

async function crashed(work: () => Promise<unknown>): Promise<void> {
  await broker.sidecar.kill()
  await work()
  await broker.sidecar.start()
  await broker.ready()
}

it('what waits survives a crash of sidecar and nats-server, and what was due meanwhile comes at once', async () => {
  const queue = await newQueue()
  const at = Date.now() + 6000
  for (const body of numbered(20)) await publish(queue, body, { 'Pillion-Delay': '500ms' })
  for (const body of numbered(20, 'l')) await publish(queue, body, { 'Pillion-At': new Date(at).toISOString() })
  await crashed(async () => {
    await broker.nats.crash()
    await new Promise((done) => setTimeout(done, 800))
    await broker.nats.start()
  })
  expect(await delayed(queue)).toBeGreaterThanOrEqual(20)
  const puller = await broker.puller(queue)
  expect((await puller.take(20)).map(({ text }) => text)).toEqual(numbered(20))
  expect((await puller.take(20)).map(({ text }) => text)).toEqual(numbered(20, 'l'))
  expect(Date.now()).toBeGreaterThanOrEqual(at)
})

/** When a delayed message was stored; milliseconds since 1970. */
const storedAt = async (queue: string, seq: number): Promise<number | undefined> =>
  (await broker.admin.manager.streams.getMessage(delayedStream(queue), { seq }))?.time.getTime()

it('a crash between copy and removal leaves one copy, beyond the deduplication window too', async () => {
  const queue = await newQueue({ deduplication: { window: '100ms' } })
  const { seq } = await publish(queue, 'once', { 'Pillion-Delay': '1s' })
  await publish(queue, 'other', { 'Pillion-Delay': '1s' })
  await crashed(async () => {
    const { created } = await broker.admin.stream(delayedStream(queue))
    // What the sidecar writes first; it ends before it writes anything else.
    const msgID = `delayed:${queue}:${created}:${seq}:${await storedAt(queue, seq)}`
    await jetstream(client).publish(`q.${queue}`, 'once', { msgID })
    await new Promise((done) => setTimeout(done, 1200))
  })
  await eventually(async () => expect(await delayed(queue)).toBe(0))
  expect(await texts(queue)).toEqual(['once', 'other'])
})

it('what was copied, and acknowledged before its removal, does not come again after a crash', async () => {
  const queue = await newQueue({ deduplication: { window: '100ms' } })
  await broker.publish(queue, 'before')
  const { seq } = await publish(queue, 'once', { 'Pillion-Delay': '1s' })
  await publish(queue, 'other', { 'Pillion-Delay': '1s' })
  await crashed(async () => {
    const js = jetstream(broker.admin.connection)
    const { created } = await broker.admin.stream(delayedStream(queue))
    // The copy, and the record of its end, of which nats-server forgot that it delivered it.
    const msgID = `delayed:${queue}:${created}:${seq}:${await storedAt(queue, seq)}`
    const copy = await js.publish(`q.${queue}`, 'once', { msgID })
    const { created: stream } = await broker.admin.stream(queue)
    const lanes = { [laneConsumer('workers', 'fifo')]: { acknowledged: [[copy.seq, copy.seq]] as const } }
    await js.publish(settlementSubject(queue), encodeRecord({ stream, at: Date.now(), lanes }))
    await new Promise((done) => setTimeout(done, 1200))
  })
  await eventually(async () => expect(await delayed(queue)).toBe(0))
  expect(await texts(queue)).toEqual(['before', 'other'])
})

it('what was moved and taken before a crash of everything does not come again', async () => {
  const queue = await newQueue({ deduplication: { window: '100ms' } })
  const puller = await broker.puller(queue)
  for (const body of numbered(50)) await publish(queue, body, { 'Pillion-Delay': '300ms' })
  const got: string[] = []
  while (got.length < 25) {
    for (const message of await puller.fetch(1)) {
      got.push(message.text)
      await message.settle()
    }
  }
  await crashed(async () => {
    await broker.nats.crash()
    await broker.nats.start()
  })
  while (got.length < 50) {
    for (const message of await puller.fetch(10)) {
      got.push(message.text)
      await message.settle()
    }
  }
  expect(got.toSorted()).toEqual(numbered(50).toSorted())
  await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
  expect(await puller.fetch(10, 500)).toEqual([])
})

it('a message whose PubAck was lost is moved once', async () => {
  const queue = await newQueue()
  await publish(queue, 'first', { 'Pillion-Delay': '200ms' })
  // Stored behind the sidecar's back, into the second that it is busy with: found when slots are listed again.
  const due = Date.now() + 3000
  const headers = headersOf({ 'Pillion-Delayed-Due': String(due), 'Pillion-Delayed-Subject': `q.${queue}` })
  const slot = Math.floor(due / 1000)
  const subject = `${delayedSubject(queue)}.${Math.floor(slot / 3600)}.${slot % 3600}`
  await jetstream(broker.admin.connection).publish(subject, 'unknown', { headers })
  await broker.nats.crash()
  await broker.nats.start()
  expect((await (await broker.puller(queue)).take(2)).map(({ text }) => text)).toEqual(['first', 'unknown'])
  expect(Date.now()).toBeGreaterThanOrEqual(due)
})

it('Lru: what became due later takes the place of the older, and gives way to what came after it was due', async () => {
  const queue = await newQueue({ ordering: { mode: 'Lru' }, paused: true })
  const js = jetstream(client)
  await js.publish(`q.${queue}.a`, 'now')
  await publish(`${queue}.a`, 'later', { 'Pillion-Delay': '300ms' })
  await eventually(async () => expect((await broker.admin.messages(queue)).map(({ text }) => text)).toEqual(['later']))
  await publish(`${queue}.a`, 'latest', { 'Pillion-Delay': '1s' })
  await broker.sidecar.stop()
  await new Promise((done) => setTimeout(done, 1200))
  await js.publish(`q.${queue}.a`, 'newer')
  await broker.sidecar.start()
  await broker.ready()
  await eventually(async () => expect(await delayed(queue)).toBe(0))
  expect((await broker.admin.messages(queue)).map(({ text }) => text)).toEqual(['newer'])
})
