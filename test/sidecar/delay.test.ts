import type { PubAck } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, numbered, type QueueInput, TestBroker, until } from './harness.ts'
import { headersOf, publishDelayed } from './harness/delay.ts'

let broker: TestBroker
let client: NatsConnection
let number = 0

beforeAll(async () => {
  broker = await TestBroker.start()
  client = await broker.client()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

async function newQueue(spec: QueueInput = {}): Promise<string> {
  const queue = `delay${++number}`
  await broker.api.put(queue, spec)
  return queue
}

const publish = (subject: string, body: string, fields: Readonly<Record<string, string>>): Promise<PubAck> =>
  publishDelayed(client, subject, body, fields)

const refusal = async (subject: string, fields: Readonly<Record<string, string>>, body = 'x'): Promise<string> =>
  publish(subject, body, fields).then(
    () => 'accepted',
    (error: unknown) => String(error),
  )

const delayed = async (queue: string): Promise<number> => (await broker.api.get(queue)).messages.delayed
const stored = async (queue: string): Promise<number> =>
  (await broker.admin.stream(`${queue}_delayed`)).state.messages - 1

describe.concurrent('a delayed publish', () => {
  it('is delivered when it is due, not before, and with its headers', async () => {
    const queue = await newQueue()
    const puller = await broker.puller(queue)
    const started = performance.now()
    const ack = await publish(queue, 'later', { 'Pillion-Delay': '1s', 'X-Own': 'kept', 'Nats-Msg-Id': 'mine' })
    expect(ack).toMatchObject({ stream: `${queue}_delayed`, duplicate: false })
    expect((await broker.api.get(queue)).messages).toMatchObject({ ready: 0, delayed: 1 })
    const [message] = await puller.take(1)
    expect(message?.text).toBe('later')
    expect((message?.at ?? 0) - started).toBeGreaterThanOrEqual(995)
    const [copy] = await broker.admin.messages(queue)
    expect(copy?.headers).toMatchObject({ 'X-Own': 'kept', 'Pillion-Msg-Id': 'mine' })
    expect(Object.keys(copy?.headers ?? {}).toSorted()).toEqual([
      'Nats-Msg-Id',
      'Pillion-Delayed-Sequence',
      'Pillion-Msg-Id',
      'X-Own',
    ])
    expect(await message?.settle()).toBe('')
    await eventually(async () => expect(await stored(queue)).toBe(0))
    expect(await delayed(queue)).toBe(0)
  })

  it('is delivered at a time that is named, at once when that is past', async () => {
    const queue = await newQueue()
    const puller = await broker.puller(queue)
    const at = new Date(Date.now() + 700)
    await publish(queue, 'then', { 'Pillion-At': at.toISOString() })
    await publish(queue, 'past', { 'Pillion-At': '2001-01-01T00:00:00+01:00' })
    expect((await puller.one()).text).toBe('past')
    expect((await puller.one()).text).toBe('then')
    expect(Date.now()).toBeGreaterThanOrEqual(at.getTime())
  })

  it('comes in order of time, then of publishing', async () => {
    const queue = await newQueue()
    const base = Date.now() + 1500
    const times = [900, 0, 300, 300, 1600, 0]
    for (const [index, offset] of times.entries())
      await publish(queue, `${offset}/${index}`, { 'Pillion-At': new Date(base + offset).toISOString() })
    const got = await (await broker.puller(queue)).take(times.length)
    expect(got.map(({ text }) => text)).toEqual(['0/1', '0/5', '300/2', '300/3', '900/0', '1600/4'])
  })

  it('with the same id is stored once', async () => {
    const queue = await newQueue()
    const first = await publish(queue, 'a', { 'Pillion-Delay': '500ms', 'Nats-Msg-Id': 'same' })
    const second = await publish(queue, 'b', { 'Pillion-Delay': '600ms', 'Nats-Msg-Id': 'same' })
    expect(second).toMatchObject({ seq: first.seq, duplicate: true })
    const puller = await broker.puller(queue)
    expect((await puller.one()).text).toBe('a')
    expect(await puller.fetch(1, 700)).toEqual([])
  })

  it('can be cancelled by its sequence, over HTTP and NATS, once', async () => {
    const queue = await newQueue()
    const acks = []
    for (const body of ['a', 'b', 'c']) acks.push(await publish(queue, body, { 'Pillion-Delay': '1500ms' }))
    const [a, b] = acks
    const cancel = (seq: number): Promise<{ status: number }> =>
      broker.api.request('DELETE', `/queues/${queue}/delayed/${seq}`)
    expect(await cancel(a?.seq ?? 0)).toMatchObject({ status: 200, json: { cancelled: true } })
    expect(await cancel(a?.seq ?? 0)).toMatchObject({ status: 404, json: { error: { code: 'DelayedNotFound' } } })
    expect(await cancel(999)).toMatchObject({ status: 404 })
    expect(await broker.api.request('DELETE', `/queues/${queue}/delayed/x`)).toMatchObject({ status: 400 })
    expect(await publish(queue, '', { 'Pillion-Cancel': String(b?.seq) })).toMatchObject({ seq: b?.seq })
    expect(await refusal(queue, { 'Pillion-Cancel': String(b?.seq) })).toMatch(/no message waits/)
    expect(await refusal(queue, { 'Pillion-Cancel': 'all' })).toMatch(/Pillion-Cancel is "all"/)
    const puller = await broker.puller(queue)
    expect((await puller.one()).text).toBe('c')
    expect(await puller.fetch(3, 500)).toEqual([])
  })

  it('waits while the Queue is full, is counted, and comes when there is room', async () => {
    const queue = await newQueue({ retention: { maxMessages: 2 } })
    await broker.publish(queue, 'a', 'b')
    await publish(queue, 'c', { 'Pillion-Delay': '10ms' })
    await until(
      'the move was refused',
      async () => ((await broker.api.metric('pillion_queue_delayed_refused_total', { queue })) ?? 0) >= 2,
    )
    expect(await delayed(queue)).toBe(1)
    const puller = await broker.puller(queue)
    for (const text of ['a', 'b', 'c']) {
      const message = await puller.one()
      expect(message.text).toBe(text)
      await message.settle()
    }
    await eventually(async () => expect(await delayed(queue)).toBe(0))
  })

  it('makes room for itself with onLimit DropOldest', async () => {
    const queue = await newQueue({ retention: { maxMessages: 2, onLimit: 'DropOldest' } })
    await broker.publish(queue, 'a', 'b')
    await publish(queue, 'c', { 'Pillion-Delay': '300ms' })
    await eventually(async () => expect(await delayed(queue)).toBe(0))
    expect((await (await broker.puller(queue)).take(2)).map(({ text }) => text)).toEqual(['b', 'c'])
  })

  it('makes room for itself with onLimit DeadLetterOldest', async () => {
    const queue = await newQueue({ retention: { maxMessages: 2, onLimit: 'DeadLetterOldest' } })
    await broker.publish(queue, 'a', 'b')
    await publish(queue, 'c', { 'Pillion-Delay': '300ms' })
    await eventually(async () => {
      expect((await broker.admin.deadLetters(queue)).map(({ text }) => text)).toEqual(['a'])
      expect((await broker.admin.messages(queue)).map(({ text }) => text)).toEqual(['b', 'c'])
    })
    expect(await delayed(queue)).toBe(0)
    const [letter] = await broker.admin.deadLetters(queue)
    expect(letter?.headers).toMatchObject({ 'Pillion-Dead-Letter-Reason': 'evicted' })
  })

  it('is refused beyond what the Queue may hold', async () => {
    const queue = await newQueue({ retention: { maxMessages: 2 } })
    const answers = await Promise.all(numbered(5).map(() => refusal(queue, { 'Pillion-Delay': '1h' })))
    expect(answers.filter((answer) => answer === 'accepted')).toHaveLength(2)
    for (const answer of answers.filter((other) => other !== 'accepted'))
      expect(answer).toMatch(/retention\.maxMessages \(2\) is reached/)
    expect(await delayed(queue)).toBe(2)
  })

  it('comes once, of thousands that are due in the same second', async () => {
    const queue = await newQueue()
    const at = new Date(Math.ceil(Date.now() / 1000) * 1000 + 4000)
    const COUNT = 3000
    const fields = { 'Pillion-At': at.toISOString() }
    await Promise.all(Array.from({ length: COUNT }, (_, n) => publish(queue, `m${n}`, fields)))
    const puller = await broker.puller(queue)
    const got = new Set<string>()
    for (let count = 0; count < COUNT; ) {
      for (const message of await puller.fetch(500)) {
        count++
        got.add(message.text)
        message.answer()
      }
    }
    expect(got.size).toBe(COUNT)
    await eventually(async () => expect(await stored(queue)).toBe(0))
    expect((await broker.admin.stream(queue)).state.last_seq).toBe(COUNT)
  })

  it('keeps its Queue from being deleted, which goes on as before, unless that is to be', async () => {
    const queue = await newQueue()
    await publish(queue, 'a', { 'Pillion-Delay': '1500ms' })
    expect(await broker.api.delete(queue)).toMatchObject({
      status: 409,
      json: { error: { messages: { ready: 0, delayed: 1 } } },
    })
    await publish(queue, 'b', { 'Pillion-Delay': '1500ms' })
    expect((await (await broker.puller(queue)).take(2)).map(({ text }) => text)).toEqual(['a', 'b'])
    await publish(queue, 'c', { 'Pillion-Delay': '1h' })
    await publish(queue, 'd', { 'Pillion-Delay': '2s' })
    expect(await broker.api.delete(queue, 'Retain')).toMatchObject({ status: 200 })
    expect(await refusal(queue, { 'Pillion-Delay': '1s' })).toMatch(/no queue of this name/)
    await broker.api.put(queue)
    expect(await delayed(queue)).toBeGreaterThanOrEqual(1)
    await eventually(async () => expect((await broker.admin.messages(queue)).map(({ text }) => text)).toContain('d'))
    expect(await broker.api.delete(queue, 'Delete')).toMatchObject({ status: 200 })
    expect(await broker.admin.streamNames()).not.toContain(`${queue}_delayed`)
  })

  it('time goes on while the Queue is paused', async () => {
    const queue = await newQueue({ paused: true })
    await publish(queue, 'a', { 'Pillion-Delay': '300ms' })
    await eventually(async () => expect((await broker.api.get(queue)).messages).toMatchObject({ ready: 1, delayed: 0 }))
  })

  it('its time to live counts from when it is due', async () => {
    const queue = await newQueue()
    await publish(queue, 'short', { 'Pillion-Delay': '2s', 'Nats-TTL': '1s' })
    const message = await (await broker.puller(queue)).one()
    expect(message.text).toBe('short')
    const [copy] = await broker.admin.messages(queue)
    expect(copy?.headers['Nats-TTL']).toBe('1s')
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
  })
})

describe('what is refused', () => {
  let queue: string
  beforeAll(async () => {
    queue = await newQueue()
  })
  it.each([
    ['no header', {}, /needs a header that says when/],
    ['both headers', { 'Pillion-Delay': '1s', 'Pillion-At': '2027-01-31T09:00:00Z' }, /exclude each other/],
    ['a malformed duration', { 'Pillion-Delay': '90' }, /Pillion-Delay is "90".*write it like/],
    ['a negative one', { 'Pillion-Delay': '-1s' }, /no duration/],
    ['one of more than a year', { 'Pillion-Delay': '8761h' }, /more than a year/],
    ['a malformed time', { 'Pillion-At': 'tomorrow' }, /no RFC 3339 time/],
    ['a time of more than a year', { 'Pillion-At': '2100-01-01T00:00:00Z' }, /more than a year/],
    ['a malformed TTL', { 'Pillion-Delay': '1s', 'Nats-TTL': '500ms' }, /Nats-TTL is "500ms"/],
    ['an expectation', { 'Pillion-Delay': '1s', 'Nats-Expected-Last-Sequence': '1' }, /cannot be used/],
  ])('%s', async (_, fields, message) => {
    expect(await refusal(queue, fields)).toMatch(message)
    expect(await broker.admin.streamNames()).not.toContain(`${queue}_delayed`)
  })

  it('a queue that is not there', async () => {
    expect(await refusal('nobody', { 'Pillion-Delay': '1s' })).toMatch(/no queue of this name/)
  })

  it('a message that is larger than the Queue takes', async () => {
    const small = await newQueue({ retention: { maxMessageSize: '2Ki' } })
    expect(await refusal(small, { 'Pillion-Delay': '1s' }, 'x'.repeat(2000))).toMatch(/larger than maxMessageSize/)
    await publish(small, 'y'.repeat(1200), { 'Pillion-Delay': '1ms' })
    expect((await (await broker.puller(small)).one()).text).toHaveLength(1200)
  })

  it('a publish whose answer is to go elsewhere', async () => {
    client.publish(`delay.${queue}`, 'x', {
      reply: `$JS.API.STREAM.DELETE.${queue}`,
      headers: headersOf({ 'Pillion-Delay': '0s' }),
    })
    await client.flush()
    await eventually(async () =>
      expect(await broker.api.metric('pillion_queue_invalid_requests_total', { queue, kind: 'delay' })).toBeGreaterThan(
        0,
      ),
    )
    expect(await broker.admin.streamNames()).toContain(queue)
  })
})

describe.concurrent('in every mode', () => {
  const modes: ReadonlyArray<[mode: string, spec: QueueInput, rest: string, wrong: string[], stored: string]> = [
    ['Fifo', {}, '', ['.key'], ''],
    ['strict Fifo', { ordering: { strict: true } }, '', ['.key'], ''],
    ['Exclusive', { type: 'Exclusive' }, '', ['.key'], ''],
    ['KeyedFifo', { ordering: { mode: 'KeyedFifo', keyedFifo: { partitions: 1 } } }, '.key', ['', '.a.b'], '.0.key'],
    ['Priority', { ordering: { mode: 'Priority' } }, '.7', ['.10', '.x'], '.7'],
    ['Priority, default level', { ordering: { mode: 'Priority' } }, '', ['.1.2'], '.4'],
    ['Lru', { ordering: { mode: 'Lru' } }, '.key', ['', '.a.b'], '.key'],
    ['Hierarchical', { type: 'Hierarchical' }, '.a.b.c', ['', '.a.b.c.d.e.f.g.h.i'], '.a.b.c'],
  ]
  it.each(modes)('%s: moves to the subject that was named', async (_, spec, rest, wrong, subject) => {
    const queue = await newQueue(spec)
    for (const other of wrong) {
      expect(await refusal(`${queue}${other}`, { 'Pillion-Delay': '1s' })).toMatch(
        /is no subject of this queue; publish to delay\./,
      )
    }
    await publish(`${queue}${rest}`, 'x', { 'Pillion-Delay': '200ms' })
    const puller = await broker.puller(queue)
    const message = await puller.one()
    expect(message.text).toBe('x')
    expect((await broker.admin.messages(queue)).map((copy) => copy.subject)).toEqual([`q.${queue}${subject}`])
    await message.settle()
    await eventually(async () =>
      expect((await broker.api.get(queue)).messages).toMatchObject({ ready: 0, inFlight: 0, delayed: 0 }),
    )
  })
})
