import { AckPolicy, type JsMsg } from '@nats-io/jetstream'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Delivery, eventually, numbered, type Puller, type Status, TestBroker, until } from './harness.ts'

let broker: TestBroker
let puller: Puller
let number = 0
let queue = ''

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

beforeEach(async () => {
  queue = `ack${++number}`
  await broker.api.put(queue)
  puller = await broker.puller(queue)
})

const empty = (): Promise<void> =>
  eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))

describe('a stock client', () => {
  it('publishes, fetches and acknowledges, and then nothing is left', async () => {
    const js = await broker.js()
    for (const body of numbered(20)) expect(await js.publish(`q.${queue}`, body)).toMatchObject({ stream: queue })
    const consumer = await js.consumers.get(queue, 'workers')
    const got: string[] = []
    for await (const message of await consumer.fetch({ max_messages: 20, expires: 5000 })) {
      got.push(message.string())
      message.ack()
    }
    expect(got).toEqual(numbered(20))
    await empty()
    expect((await broker.api.get(queue)).messages).toEqual({ ready: 0, inFlight: 0, delayed: 0, deadLettered: 0 })
  })

  it('consumes with a callback, one message at a time, and with next()', async () => {
    const js = await broker.js()
    const consumer = await js.consumers.get(queue, 'workers')
    const got: string[] = []
    const messages = await consumer.consume({
      max_messages: 10,
      expires: 3000,
      idle_heartbeat: 1000,
      callback: (message: JsMsg) => {
        got.push(message.string())
        message.ack()
      },
    })
    await broker.publish(queue, ...numbered(50))
    await until('all have come', () => got.length === 50)
    expect(got).toEqual(numbered(50))
    await messages.close()
    await empty()
    const next = consumer.next({ expires: 20_000 })
    await broker.publish(queue, 'last')
    const last = await next
    expect(last?.string()).toBe('last')
    expect(await last?.ackAck()).toBe(true)
  })

  it('reads of its group what nats-server would say of a consumer', async () => {
    await broker.publish(queue, ...numbered(5))
    await puller.take(2)
    const js = await broker.js()
    const info = await (await js.consumers.get(queue, 'workers')).info()
    expect(info).toMatchObject({
      stream_name: queue,
      name: 'workers',
      num_pending: 3,
      num_ack_pending: 2,
      num_redelivered: 0,
      config: { name: 'workers', durable_name: 'workers', ack_policy: AckPolicy.Explicit },
    })
  })
})

describe('a double acknowledgement', () => {
  it('is answered only when it is on record', async () => {
    await broker.publish(queue, ...numbered(40))
    // The first stays open, so that no purge takes anything away and the log alone says what is settled.
    const [, ...rest] = await puller.take(40)
    for (const message of rest) {
      expect(await message.settle()).toBe('')
      expect((await broker.admin.onRecord(queue))(message.sequence)).toBe(true)
    }
    expect((await broker.admin.onRecord(queue))(1)).toBe(false)
  })

  it('is not answered while the log cannot be written, and then is', async () => {
    await broker.publish(queue, 'one')
    const message = await puller.one()
    // A log that is full and refuses stands for one that the disk keeps waiting.
    const log = `${queue}_settled`
    const { config } = await broker.admin.stream(log)
    await broker.admin.manager.streams.update(log, { ...config, subjects: [`away.${queue}`] })
    let answered = false
    const answer = message.settle().then((text) => {
      answered = true
      return text
    })
    await until('it is tried', async () => {
      const sample = await broker.api.metric('pillion_queue_unrecorded_messages', { queue })
      return sample === 1
    })
    expect(answered).toBe(false)
    await broker.admin.manager.streams.update(log, { ...config, subjects: config.subjects })
    expect(await answer).toBe('')
    expect((await broker.admin.onRecord(queue))(message.sequence)).toBe(true)
  })

  it('that comes again is answered again, and counted once', async () => {
    await broker.publish(queue, 'one')
    const message = await puller.one()
    expect(await Promise.all([message.settle(), message.settle(), message.settle('')])).toEqual(['', '', ''])
    expect(await message.settle()).toBe('')
    expect(await broker.api.metric('pillion_queue_acknowledged_total', { queue })).toBe(1)
    await empty()
  })
})

describe('+NXT', () => {
  const acknowledgeAndPull = async (message: Delivery, body: string): Promise<Delivery | Status> => {
    const client = await broker.client()
    client.publish(message.reply, body, { reply: puller.inbox })
    return puller.next()
  }

  it('acknowledges and brings the next message to its reply', async () => {
    await broker.publish(queue, ...numbered(3))
    const first = await puller.one()
    const second = await acknowledgeAndPull(first, '+NXT')
    expect(second).toMatchObject({ text: 'm1' })
    if (!(second instanceof Delivery)) return
    const third = await acknowledgeAndPull(second, '+NXT {"batch":1}')
    expect(third).toMatchObject({ text: 'm2' })
    if (third instanceof Delivery) await third.settle()
    await empty()
  })

  it('of a message that is settled already still brings the next one', async () => {
    await broker.publish(queue, ...numbered(2))
    const first = await puller.one()
    await first.settle()
    expect(await acknowledgeAndPull(first, '+NXT')).toMatchObject({ text: 'm1' })
  })

  it('with a malformed request is told so by nats-server, and acknowledges all the same', async () => {
    await broker.publish(queue, 'one')
    expect(await acknowledgeAndPull(await puller.one(), '+NXT {"batch":')).toMatchObject({ status: 400 })
    await empty()
  })
})

describe('an early message that stays open', () => {
  it('keeps back nothing but itself', async () => {
    await broker.publish(queue, ...numbered(100))
    const [open, ...rest] = await puller.take(100)
    for (const message of rest) message.answer()
    await eventually(async () => {
      const lane = await broker.admin.lane(queue)
      // Acknowledged to JetStream too, so that their visibility timeout does not bring them back.
      expect(lane.num_ack_pending).toBe(1)
    })
    expect((await broker.api.get(queue)).messages).toMatchObject({ ready: 0, inFlight: 1 })
    await open?.settle()
    await empty()
    expect(await puller.fetchNow()).toEqual([])
  })
})

it('settles in any order', async () => {
  await broker.publish(queue, ...numbered(300))
  const got = await puller.take(300)
  // Every third, then backwards: gaps open and close all over.
  const order = [...got.filter((_, i) => i % 3 === 1), ...got.filter((_, i) => i % 3 !== 1).toReversed()]
  await Promise.all(order.map(async (message) => expect(await message.settle()).toBe('')))
  await empty()
  expect(await broker.api.metric('pillion_queue_acknowledged_total', { queue })).toBe(300)
  expect(await puller.fetchNow()).toEqual([])
})
