import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually, numbered, type Puller, TestBroker, until } from './harness.ts'

let broker: TestBroker
let puller: Puller
let number = 0
let queue = ''

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

beforeEach(async () => {
  queue = `malformed${++number}`
  await broker.api.put(queue, { retry: { visibilityTimeout: '1s' } })
  puller = await broker.puller(queue)
})

const invalid = (kind: string): Promise<number | undefined> =>
  broker.api.metric('pillion_queue_invalid_requests_total', { queue, kind })

describe('a malformed acknowledgement', () => {
  const bodies: Array<[string, string | Uint8Array, RegExp]> = [
    ['a word', 'hello', /"hello" is none of \+ACK, -NAK, \+WPI, \+TERM, \+NXT/],
    ['nearly +ACK', '+ACX', /"\+ACX" is none of/],
    ['+ACK and more', '+ACKED', /is none of/],
    ['small letters', '+ack', /is none of/],
    ['a line end', '+ACK\r\n', /is none of/],
    ['a delay in words', '-NAK later', /-NAK .*not JSON.*"delay"/],
    ['a delay of text', '-NAK {"delay":"1s"}', /"delay" as a number of nanoseconds/],
    ['a delay below 0', '-NAK {"delay":-1}', /"delay" as a number of nanoseconds, 0 or more/],
    ['no delay', '-NAK {}', /"delay"/],
    ['JSON that is no object', '-NAK null', /"delay"/],
    ['a list', '-NAK [1]', /"delay"/],
    ['JSON cut short', '-NAK {"delay":1', /not JSON/],
    ['zeros', new Uint8Array(16), /is none of/],
    ['no UTF-8', Uint8Array.of(0xff, 0xfe, 0xfd), /is none of/],
    ['a megabyte', 'x'.repeat(1024 * 1024), /is none of/],
    ['quotes and line ends', "it's\r\n'so'", /is none of/],
  ]

  it('is told what is wrong with it, and its message is delivered again and settled', async () => {
    await broker.publish(queue, ...bodies.map(([name]) => name))
    const client = await broker.client()
    const got = await puller.take(bodies.length)
    for (const [index, [, body, expected]] of bodies.entries()) {
      const answer = await client.request(got[index]?.reply ?? '', body, { timeout: 20_000 })
      expect(answer.string()).toMatch(/^-ERR '/)
      expect(answer.string()).toMatch(expected)
      expect(answer.string().length).toBeLessThan(300)
    }
    expect(await invalid('ack')).toBe(bodies.length)
    expect((await broker.api.get(queue)).messages).toMatchObject({ inFlight: bodies.length, deadLettered: 0 })
    const again = await puller.take(bodies.length)
    expect(again.map(({ attempt }) => attempt)).toEqual(bodies.map(() => 2))
    for (const message of again) expect(await message.settle()).toBe('')
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
    expect(await broker.admin.deadLetters(queue)).toEqual([])
  })

  it('without a reply is counted, and nothing else happens', async () => {
    await broker.publish(queue, 'one')
    const message = await puller.one()
    message.answer('nonsense')
    await eventually(async () => expect(await invalid('ack')).toBe(1))
    expect(await message.settle()).toBe('')
  })
})

describe('a pull', () => {
  it.each([
    ['JSON cut short', '{"batch":', 400],
    ['a batch of text', '{"batch":"many"}', 400],
    ['expires of text', '{"batch":1,"expires":"soon"}', 400],
    ['a heartbeat longer than expires', '{"batch":1,"expires":1000000000,"idle_heartbeat":2000000000}', 400],
    ['no_wait and nothing there', '{"batch":1,"no_wait":true}', 404],
    ['expires and nothing there', '{"batch":1,"expires":100000000}', 408],
  ])('with %s is answered as nats-server does', async (_, body, status) => {
    puller.request(body)
    expect(await puller.next()).toMatchObject({ status })
    await broker.publish(queue, 'one')
    expect((await puller.one()).text).toBe('one')
  })

  it.each([
    ['no body', ''],
    ['no JSON', 'hello'],
    ['a batch below 0', '{"batch":-1}'],
  ])('with %s is one for one message, as nats-server takes it', async (_, body) => {
    puller.request(body)
    await broker.publish(queue, 'one', 'two')
    expect(await puller.next()).toMatchObject({ text: 'one' })
    expect((await broker.api.get(queue)).messages).toMatchObject({ ready: 1, inFlight: 1 })
  })

  it('gets the heartbeats that it asks for', async () => {
    puller.request({ batch: 1, expires: 2e9, idle_heartbeat: 4e8 })
    expect(await puller.next()).toMatchObject({ status: 100 })
    await broker.publish(queue, 'one')
    await until('the message comes', async () => {
      const next = await puller.next()
      return 'text' in next && next.text === 'one'
    })
  })

  it.each([
    ['queue', () => 'unknown', 'workers'],
    ['group', () => queue, 'unknown'],
    ['lane that it may not name', () => queue, 'workers_fifo'],
  ])('for an unknown %s is told that nobody answers there', async (_, name, group) => {
    const own = await broker.puller(name(), group)
    own.request({ batch: 1, expires: 1e9 })
    expect(await own.next()).toMatchObject({ status: 503 })
    const client = await broker.client()
    const info = client.request(`$JS.API.CONSUMER.INFO.${name()}.${group}`, '', { timeout: 20_000 })
    expect((await info).json()).toMatchObject({ error: { code: 404 } })
  })

  it('of a stock client for an unknown group says so at once', async () => {
    const js = await broker.js()
    await expect(js.consumers.get(queue, 'unknown')).rejects.toThrow(/consumer not found|no responders/i)
    await expect(js.consumers.get('unknown', 'workers')).rejects.toThrow(/not found|no responders/i)
  })
})

describe('a publish', () => {
  it('to an unknown queue or below a queue is told that nobody answers there', async () => {
    const js = await broker.js()
    await expect(js.publish('q.unknown', 'x')).rejects.toThrow(/jetstream is not enabled|no responders/i)
    await expect(js.publish(`q.${queue}.below`, 'x')).rejects.toThrow(/jetstream is not enabled|no responders/i)
    expect((await broker.admin.stream(queue)).state.messages).toBe(0)
  })
})

it('what is no NATS at all ends one connection and nothing else', async () => {
  const socket: Socket = connect(broker.nats.port, '127.0.0.1')
  await new Promise<void>((done) => {
    socket.once('data', () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(10)))
    socket.once('close', () => done())
  })
  await broker.publish(queue, ...numbered(2))
  expect(await puller.take(2)).toHaveLength(2)
})
