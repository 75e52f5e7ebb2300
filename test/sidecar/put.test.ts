import { setTimeout as delay } from 'node:timers/promises'
import { jetstream, JetStreamApiError, type JetStreamClient, type PubAck } from '@nats-io/jetstream'
import { createInbox, type NatsConnection } from '@nats-io/transport-node'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { parseQueueSpec } from '../../crds/index.ts'
import { Puts } from '../../sidecar/put/puts.ts'
import { eventually, numbered, startNats, TestBroker, until } from './harness.ts'
import { Admin, type StoredMessage } from './harness/admin.ts'
import { headersOf } from './harness/delay.ts'
import { SIDECAR_PASSWORD } from './harness/nats.ts'

let broker: TestBroker
let client: NatsConnection
let js: JetStreamClient
let queue = ''
let count = 0

beforeAll(async () => {
  broker = await TestBroker.start({ sync: 'always' })
  client = await broker.client()
  js = jetstream(client, { timeout: 20_000 })
})
afterAll(() => broker[Symbol.asyncDispose]())
beforeEach(() => {
  queue = `put-${++count}`
})

type Outcome = PubAck | Error
const outcome = (publish: Promise<PubAck>): Promise<Outcome> =>
  publish.catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))))
const errorCode = (one: Outcome | undefined): number | undefined =>
  one instanceof JetStreamApiError ? one.code : undefined
const isBatched = ({ headers }: StoredMessage): boolean => 'Nats-Batch-Id' in headers
const noResponders = /503|no responders|jetstream is not enabled/i

describe('a publish with durability Always', () => {
  it.each([1, 10, 100, 1000])('is acknowledged with its own sequence, %i in flight', async (inFlight) => {
    await broker.api.put(queue)
    const each = inFlight === 1 ? 50 : Math.ceil(2000 / inFlight)
    const acked = new Map<string, number>()
    const publisher = async (name: number): Promise<void> => {
      for (let n = 0; n < each; n++) {
        const ack = await js.publish(`q.${queue}`, `${name}:${n}`)
        expect(ack).toEqual({ stream: queue, seq: ack.seq, duplicate: false })
        acked.set(`${name}:${n}`, ack.seq)
      }
    }
    await Promise.all(Array.from({ length: inFlight }, (_, name) => publisher(name)))
    const stored = await broker.admin.messages(queue)
    expect(new Map(stored.map(({ text, sequence }) => [text, sequence]))).toEqual(acked)
    expect(stored).toHaveLength(inFlight * each)
    if (inFlight === 1) expect(stored.filter(isBatched)).toEqual([])
    if (inFlight >= 100) expect(stored.filter(isBatched).length).toBeGreaterThan(stored.length / 2)
  })

  it('keeps its place among those of its publisher, also where it has to go alone', async () => {
    await broker.api.put(queue)
    const bodies = numbered(1000)
    const acks = await Promise.all(
      bodies.map((body, n) =>
        js.publish(`q.${queue}`, body, n % 70 === 69 ? { expect: { streamName: queue } } : { msgID: body }),
      ),
    )
    const stored = await broker.admin.messages(queue)
    expect(stored.map(({ text }) => text)).toEqual(bodies)
    expect(stored.map(({ sequence }) => sequence)).toEqual(acks.map(({ seq }) => seq))
    expect(stored.filter(isBatched).length).toBeGreaterThan(500)
  })

  it('that is refused is answered with its own error, and the others are stored', async () => {
    await broker.api.put(queue, { retention: { maxMessageSize: '2Ki' } })
    const publishes = numbered(400).map((body, n) => {
      if (n % 100 === 10) return js.publish(`q.${queue}`, 'x'.repeat(3000))
      if (n % 100 === 20) return js.publish(`q.${queue}`, body, { expect: { streamName: 'another' } })
      if (n % 100 === 30) return js.publish(`q.${queue}`, body, { headers: headersOf({ 'Nats-TTL': 'soon' }) })
      if (n % 100 === 40) return js.publish(`q.${queue}`, body, { headers: headersOf({ 'Nats-Rollup': 'all' }) })
      return js.publish(`q.${queue}`, body)
    })
    const outcomes = await Promise.all(publishes.map(outcome))
    const wanted: Record<number, number> = { 10: 10054, 20: 10060, 30: 10165, 40: 10111 }
    expect(outcomes.map(errorCode)).toEqual(outcomes.map((_, n) => wanted[n % 100]))
    const stored = await broker.admin.messages(queue)
    const acked = outcomes.flatMap((one, n) => ('seq' in one ? [[one.seq, `m${n}`]] : []))
    expect(stored.map(({ sequence, text }) => [sequence, text])).toEqual(acked)
  })

  it('that comes alone where many are expected is stored as a batch of one, or answered with its own error', async () => {
    await broker.api.put(queue, { retention: { maxMessageSize: '2Ki' } })
    const acked: Array<readonly [sequence: number, text: string]> = []
    const publish = async (text: string): Promise<void> => {
      const { seq, duplicate } = await js.publish(`q.${queue}`, text, { msgID: text })
      expect(duplicate).toBe(false)
      acked.push([seq, text])
    }
    const together = (round: number): Promise<unknown> =>
      Promise.all(numbered(200, `${round}:`).map((text) => publish(text)))
    for (let round = 0; round < 20; round++) {
      await together(round)
      await publish(`alone ${round}`)
      await together(round + 100)
      const again = `alone ${round}`
      expect(await js.publish(`q.${queue}`, again, { msgID: again })).toMatchObject({ duplicate: true })
      await together(round + 200)
      expect(errorCode(await outcome(js.publish(`q.${queue}`, 'x'.repeat(3000))))).toBe(10054)
    }
    const stored = await broker.admin.messages(queue)
    expect(stored.map(({ sequence, text }) => [sequence, text])).toEqual(acked.toSorted(([a], [b]) => a - b))
    const ofOne = stored.filter(
      ({ headers }) => headers['Nats-Batch-Sequence'] === '1' && 'Nats-Batch-Commit' in headers,
    )
    expect(ofOne.length).toBeGreaterThan(0)
  })

  it('with an id is stored once, whether the other is on its way too or stored', async () => {
    await broker.api.put(queue)
    const publish = (n: number): Promise<PubAck> => js.publish(`q.${queue}`, `m${n}`, { msgID: `id-${n % 200}` })
    const together = await Promise.all(Array.from({ length: 400 }, (_, n) => publish(n)))
    const again = await Promise.all(Array.from({ length: 200 }, (_, n) => publish(n)))
    const stored = await broker.admin.messages(queue)
    expect(stored.map(({ text }) => text)).toEqual(numbered(200))
    const sequences = stored.map(({ sequence }) => sequence)
    expect(together.map(({ seq }) => seq)).toEqual([...sequences, ...sequences])
    expect(together.map(({ duplicate }) => duplicate)).toEqual(together.map((_, n) => n >= 200))
    expect(again).toEqual(sequences.map((seq) => ({ stream: queue, seq, duplicate: true })))
  })

  it('may expect what was stored last', async () => {
    await broker.api.put(queue)
    const first = await js.publish(`q.${queue}`, 'a', { msgID: 'a' })
    const burst = Array.from({ length: 100 }, () =>
      js.publish(`q.${queue}`, 'c', { expect: { lastSequence: first.seq } }),
    )
    const outcomes = await Promise.all(burst.map(outcome))
    expect(outcomes.filter((one) => 'seq' in one)).toHaveLength(1)
    expect(outcomes.filter((one) => errorCode(one) === 10071)).toHaveLength(99)
    expect((await broker.admin.messages(queue)).map(({ text }) => text)).toEqual(['a', 'c'])
  })

  it("may be of an atomic batch of the publisher's own, among others", async () => {
    await broker.api.put(queue)
    const others = numbered(150).map((body) => js.publish(`q.${queue}`, body))
    const own = (n: number): Record<string, string> => ({ 'Nats-Batch-Id': 'mine', 'Nats-Batch-Sequence': `${n}` })
    for (const n of [1, 2]) client.publish(`q.${queue}`, `own${n}`, { headers: headersOf(own(n)) })
    const headers = headersOf({ ...own(3), 'Nats-Batch-Commit': '1' })
    const answer = await client.request(`q.${queue}`, 'own3', { headers, timeout: 20_000 })
    expect(answer.json()).toMatchObject({ stream: queue, batch: 'mine', count: 3 })
    await Promise.all([...others, ...numbered(150).map((body) => js.publish(`q.${queue}`, body))])
    const stored = (await broker.admin.messages(queue)).map(({ text }) => text)
    expect(stored.filter((text) => text.startsWith('own'))).toEqual(['own1', 'own2', 'own3'])
    expect(stored).toHaveLength(303)
  })

  it('that asks for no answer is stored', async () => {
    await broker.api.put(queue)
    for (const body of numbered(500)) client.publish(`q.${queue}`, body)
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(500))
    expect((await broker.admin.messages(queue)).map(({ text }) => text)).toEqual(numbered(500))
  })

  it('keeps headers, body and Nats-TTL', async () => {
    await broker.api.put(queue)
    const fields = { a: '1', 'Nats-TTL': '1h', 'x-nats-y': 'Nats-Expected-Stream: z' }
    await Promise.all(numbered(200).map((body) => js.publish(`q.${queue}`, body, { headers: headersOf(fields) })))
    const stored = await broker.admin.messages(queue)
    expect(stored.filter(isBatched).length).toBeGreaterThan(100)
    for (const { headers } of stored) expect(headers).toMatchObject(fields)
  })

  it('of any size that a Queue takes is stored, between small ones', async () => {
    await broker.api.put(queue, { retention: { maxMessageSize: '8Mi', maxBytes: '64Mi' } })
    const sizes = [1, 8_000_000, 1, 70_000, 9_000, 0, 3_000_000, ...Array.from({ length: 100 }, () => 20)]
    const acks = await Promise.all(sizes.map((size) => js.publish(`q.${queue}`, new Uint8Array(size).fill(size % 251))))
    const stored = await broker.admin.messages(queue)
    expect(stored.map(({ data }) => data.length)).toEqual(sizes)
    for (const { data } of stored) expect(data.every((byte) => byte === data.length % 251)).toBe(true)
    expect(stored.map(({ sequence }) => sequence)).toEqual(acks.map(({ seq }) => seq))
  })

  it('to a full Queue is refused, and no other', async () => {
    await broker.api.put(queue, { retention: { maxMessages: 150 } })
    const outcomes = await Promise.all(numbered(400).map((body) => outcome(js.publish(`q.${queue}`, body))))
    expect(outcomes.map(errorCode)).toEqual(outcomes.map((_, n) => (n < 150 ? undefined : 10077)))
    expect((await broker.admin.messages(queue)).map(({ text }) => text)).toEqual(numbered(150))
  })

  it('to a paused Queue is stored', async () => {
    await broker.api.put(queue, { paused: true })
    await Promise.all(numbered(100).map((body) => js.publish(`q.${queue}`, body)))
    expect((await broker.admin.stream(queue)).state.messages).toBe(100)
  })

  it('to what no Queue takes has no responders', async () => {
    await broker.api.put(queue, { ordering: { mode: 'Priority', priority: { levels: 3 } } })
    await broker.api.put(`${queue}-keyed`, { ordering: { mode: 'KeyedFifo' } })
    for (const subject of [`q.${queue}.3`, `q.${queue}.1.2`, `q.${queue}-keyed`, 'q.nobody', 'q.nobody.k']) {
      await expect(js.publish(subject, 'x', { retries: 0 })).rejects.toThrow(noResponders)
      await expect(client.request(subject, 'x')).rejects.toThrow(noResponders)
    }
  })

  it('is stored under its level or key', async () => {
    await broker.api.put(queue, { ordering: { mode: 'Priority', priority: { levels: 3 } } })
    await broker.api.put(`${queue}-lru`, { ordering: { mode: 'Lru' } })
    const levels = Array.from({ length: 300 }, (_, n) =>
      js.publish(n % 4 === 3 ? `q.${queue}` : `q.${queue}.${n % 4}`, `${n}`),
    )
    const keys = Array.from({ length: 300 }, (_, n) => js.publish(`q.${queue}-lru.k${n % 10}`, `${n}`))
    await Promise.all([...levels, ...keys])
    const stored = await broker.admin.messages(queue)
    expect(stored.map(({ subject }) => subject)).toEqual(
      Array.from({ length: 300 }, (_, n) => `q.${queue}.${n % 4 === 3 ? 1 : n % 4}`),
    )
    const newest = await broker.admin.messages(`${queue}-lru`)
    expect(newest.map(({ text }) => text)).toEqual(Array.from({ length: 10 }, (_, n) => `${290 + n}`))
  })

  it('is not answered where the publisher may not listen', async () => {
    await broker.api.put(queue)
    await broker.api.put(`${queue}-other`)
    client.publish(`q.${queue}`, 'a', { reply: `q.${queue}-other` })
    client.publish(`q.${queue}`, 'b', { reply: '$JS.API.STREAM.DELETE.put-1' })
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(2))
    await delay(100)
    expect((await broker.admin.stream(`${queue}-other`)).state.messages).toBe(0)
  })
})

describe('the ways of the sidecar', () => {
  it.each(['PILLION.JS.Q.put-1', 'PILLION.STORED-PUT.x'])('are closed to clients: %s', async (subject) => {
    const stranger = await broker.client()
    const refused = Promise.withResolvers<string>()
    void (async () => {
      for await (const status of stranger.status()) if (status.type === 'error') refused.resolve(String(status.error))
    })()
    stranger.publish(subject, 'x', { reply: createInbox() })
    expect(await refused.promise).toMatch(/permissions violation/i)
  })
})

it('publishes have no responders while the sidecar is away, and are taken when it is back', async () => {
  await using other = await TestBroker.start({ sync: 'always', sidecar: 'ownProcess' })
  await other.api.put('orders')
  const away = await other.js()
  await other.sidecar.stop()
  await expect(away.publish('q.orders', 'x', { retries: 0 })).rejects.toThrow(noResponders)
  await other.sidecar.start()
  await other.ready()
  expect(await away.publish('q.orders', 'x')).toMatchObject({ seq: 1 })
})

it('with durability Interval publishes do not pass the sidecar', async () => {
  await using other = await TestBroker.start({ sidecar: 'ownProcess' })
  await other.api.put('orders')
  const direct = await other.js()
  await other.sidecar.stop()
  const acks = await Promise.all(numbered(200).map((body) => direct.publish('q.orders', body, { retries: 0 })))
  expect(acks.map(({ seq }) => seq)).toEqual(Array.from({ length: 200 }, (_, n) => n + 1))
  expect((await other.admin.messages('orders')).filter(isBatched)).toEqual([])
})

it('past the bytes that may be held publishes are refused at once, and what was taken is stored', async () => {
  await using nats = await startNats({ sync: 'always' })
  const admin = await Admin.connect(nats.url)
  await admin.manager.streams.add({ name: 'orders', subjects: ['q.orders'], allow_atomic: true })
  const parsed = parseQueueSpec({})
  if (!parsed.ok) throw new Error('no spec')
  const options = { url: nats.url, user: 'sidecar', password: SIDECAR_PASSWORD }
  const puts = new Puts(options, new Map([['orders', { spec: parsed.value }]]), pino({ level: 'silent' }), 100_000)
  puts.start()
  await until('publishes are taken', () => puts.isConnected)
  const outcomes = await Promise.all(
    numbered(1000).map((body) =>
      outcome(jetstream(admin.connection, { timeout: 20_000 }).publish('q.orders', body.padEnd(1000))),
    ),
  )
  const refused = outcomes.filter((one) => errorCode(one) === 10023)
  const acked = outcomes.filter((one) => 'seq' in one)
  expect(refused.length).toBeGreaterThan(0)
  expect(acked.length).toBeGreaterThanOrEqual(90)
  expect(refused.length + acked.length).toBe(1000)
  expect((await admin.stream('orders')).state.messages).toBe(acked.length)
  // What was held is let go of.
  expect(await jetstream(admin.connection).publish('q.orders', 'x'.repeat(90_000))).toMatchObject({
    seq: acked.length + 1,
  })
  await puts.stop()
  await admin.connection.close()
})
