import { setTimeout as delay } from 'node:timers/promises'
import { headers as natsHeaders } from '@nats-io/transport-node'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isFinished, type Operation, operationSchema } from '../../crds/protocol/operation.ts'
import { eventually, freePort, numbered, TestBroker, TOKEN, until } from './harness.ts'

// Messages that an operation moves to a Queue of another broker, whose sidecar is asked over HTTP.

let here: TestBroker
let there: TestBroker
let number = 0
let from = ''
let to = ''

beforeAll(async () => {
  ;[here, there] = await Promise.all([
    TestBroker.start({ sidecar: 'ownProcess' }),
    TestBroker.start({ sidecar: 'ownProcess' }),
  ])
})
afterAll(async () => {
  await Promise.all([here?.[Symbol.asyncDispose](), there?.[Symbol.asyncDispose]()])
})
beforeEach(() => {
  number++
  from = `from${number}`
  to = `to${number}`
})

const other = () => ({ url: there.sidecar.url, token: TOKEN })

async function ask(request: object): Promise<Operation> {
  const body = JSON.stringify({ kind: 'move', from: 'messages', to, id: from, ...request })
  const answer = await here.api.request('POST', `/queues/${from}/operations`, { body })
  if (answer.status !== 201) throw new Error(`${answer.status}: ${answer.text}`)
  return operationSchema.strict().parse(answer.json)
}

const look = async (): Promise<Operation> =>
  operationSchema.strict().parse((await here.api.request('GET', `/queues/${from}/operations/${from}`)).json)

const ended = (): Promise<Operation> =>
  until('the operation has ended', async () => {
    const operation = await look()
    return isFinished(operation) && operation
  })

const texts = async (broker: TestBroker, stream: string): Promise<string[]> =>
  (await broker.admin.messages(stream)).map(({ text }) => text)

describe('a move to another broker', () => {
  it('takes messages to their keys, in order, with headers and ids, and both ledgers balance', async () => {
    const spec = { ordering: { mode: 'KeyedFifo' } }
    await here.api.put(from, { ...spec, paused: true })
    await there.api.put(to, spec)
    const js = await here.js()
    const own = natsHeaders()
    own.set('Trace', 'abc')
    for (const text of numbered(600)) await js.publish(`q.${from}.k${text.at(-1)}`, text, { headers: own, msgID: text })
    await ask({ broker: other(), select: { count: 590 } })
    expect(await ended()).toMatchObject({ state: 'Succeeded', done: 590, skipped: 0, message: '', to })
    expect(await texts(here, from)).toEqual(numbered(600).slice(590))
    const moved = await there.admin.messages(to)
    for (const key of numbered(10, 'k')) {
      const ofKey = moved.filter(({ subject }) => subject.endsWith(`.${key}`)).map(({ text }) => text)
      expect(ofKey).toEqual(numbered(590).filter((text) => text.at(-1) === key.at(-1)))
    }
    expect(moved[7]?.headers).toMatchObject({ Trace: 'abc', 'Pillion-Msg-Id': moved[7]?.text })
    expect(await here.api.ledger(from)).toMatchObject({ accepted: 600, moved: 590, ready: 10, unaccounted: 0 })
    expect(await there.api.ledger(to)).toMatchObject({ accepted: 590, ready: 590, unaccounted: 0 })
    expect((await there.admin.stream('PILLION_COPIES')).state.messages).toBe(0)
  })

  it('takes dead letters, as they were before they died, binary bodies too', async () => {
    await here.api.put(from)
    await there.api.put(to)
    const js = await here.js()
    const body = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    await js.publish(`q.${from}`, body)
    await (await (await here.puller(from)).one()).settle('+TERM')
    await ask({ broker: other(), from: 'dead-letters' })
    expect(await ended()).toMatchObject({ state: 'Succeeded', done: 1 })
    const stored = await there.admin.manager.streams.getMessage(to, { seq: 1 })
    expect(stored?.data).toEqual(body)
    expect(stored?.header.keys().filter((key) => key.startsWith('Pillion-Dead'))).toEqual([])
    expect(await texts(here, `${from}_dlq`)).toEqual([])
  })

  it('takes messages of the largest size', async () => {
    const retention = { maxMessageSize: '8Mi', maxBytes: '64Mi' }
    await here.api.put(from, { retention, paused: true })
    await there.api.put(to, { retention })
    const js = await here.js()
    for (const text of 'abc') await js.publish(`q.${from}`, Buffer.alloc(8 * 1024 * 1024 - 1024, text))
    await ask({ broker: other() })
    expect(await ended()).toMatchObject({ state: 'Succeeded', done: 3 })
    expect((await there.admin.stream(to)).state).toMatchObject({ messages: 3 })
  })

  it('waits for room, for the Queue, for the right token, and says so; it goes on by itself, or when it is told', async () => {
    await here.api.put(from, { paused: true })
    await here.publish(from, ...numbered(8))
    const waitsFor = (what: string): Promise<unknown> =>
      eventually(async () =>
        expect(await look()).toMatchObject({ state: 'Waiting', message: expect.stringContaining(what) }),
      )
    await ask({ broker: { url: `http://127.0.0.1:${await freePort()}` } })
    await waitsFor('does not answer')
    await ask({ broker: { ...other(), token: 'wrong' } })
    await waitsFor("the token is not this broker's")
    await ask({ broker: other() })
    await waitsFor(`there is no queue ${to}`)
    await there.api.put(to, { retention: { maxMessages: 5 } })
    await waitsFor('is full')
    for (const message of await (await there.puller(to)).take(5)) message.answer()
    expect(await ended()).toMatchObject({ state: 'Succeeded', done: 8, skipped: 0 })
    expect(await there.api.ledger(to)).toMatchObject({ accepted: 8, unaccounted: 0 })
  })

  it('can be cancelled while the other broker is away', async () => {
    await here.api.put(from, { paused: true })
    await here.publish(from, ...numbered(8))
    await ask({ broker: { url: `http://127.0.0.1:${await freePort()}` } })
    await eventually(async () => expect((await look()).state).toBe('Waiting'))
    await here.api.request('DELETE', `/queues/${from}/operations/${from}`)
    const { state, message } = await look()
    expect({ state, message }).toEqual({
      state: 'Cancelled',
      message: expect.stringContaining('8 of its messages may be in both queues'),
    })
    expect(await texts(here, from)).toHaveLength(8)
  })

  it('counts only, where that is asked for', async () => {
    await here.api.put(from, { paused: true })
    await here.publish(from, ...numbered(8))
    await ask({ broker: other(), dryRun: true })
    expect(await ended()).toMatchObject({ state: 'Succeeded', done: 8 })
    expect(await texts(here, from)).toHaveLength(8)
  })

  it.each([
    ['of a redrive', { kind: 'redrive', to: undefined, from: undefined }, 'broker is for kind move'],
    ['that is no address', { broker: { url: 'elsewhere' } }, 'broker.url'],
    ['with a field that it has not', { broker: { url: 'http://a', user: 'b' } }, 'broker.user is no field'],
  ])('refuses a broker %s', async (_, request, why) => {
    await here.api.put(from)
    await expect(ask({ broker: { url: 'http://a' }, ...request })).rejects.toThrow(why)
  })

  it.each([
    ['PUT', '/1', { origin: {}, messages: [] }, 'origin.queue'],
    ['PUT', '/0', {}, 'batch'],
    ['DELETE', '/x', undefined, 'batch'],
  ])(
    'a %s of copies at %s that says nonsense is refused by the name of the field',
    async (method, path, body, field) => {
      await there.api.put(to)
      const init = body === undefined ? {} : { body: JSON.stringify(body) }
      const { status, text } = await there.api.request(method, `/copies/${to}/one${path}`, init)
      expect([status, text]).toEqual([400, expect.stringContaining(field)])
    },
  )
})

it('kill -9 of both sidecars and both servers in the middle, the copies consumed at once: none is lost, none doubled', async () => {
  const COUNT = 1500
  // The window is too short for deduplication to hide anything.
  await here.api.put(from, { paused: true })
  await there.api.put(to, { deduplication: { window: '100ms' }, retry: { visibilityTimeout: '2s', maxAttempts: 9 } })
  await here.publish(from, ...numbered(COUNT))
  const puller = await there.puller(to)
  const got = new Map<string, number>()
  const consumer = { ends: false }
  const consume = async (): Promise<void> => {
    while (!consumer.ends) {
      for (const message of await puller.fetch(100, 200)) {
        if (message.attempt === 1) got.set(message.text, (got.get(message.text) ?? 0) + 1)
        message.answer()
      }
    }
  }
  const consuming = consume()
  // As the operator does: it is asked for again and again, so that a restart is told how to reach the other.
  const told = async (): Promise<Operation | undefined> =>
    ask({ broker: other(), ratePerSecond: 400 }).catch(() => undefined)
  await told()
  const broken: Array<readonly [share: number, of: TestBroker, what: 'server' | 'sidecar' | 'both']> = [
    [0.1, there, 'sidecar'],
    [0.2, here, 'sidecar'],
    [0.3, there, 'server'],
    [0.4, there, 'both'],
    [0.55, here, 'both'],
    [0.7, here, 'server'],
  ]
  for (const [share, of, what] of broken) {
    await until('it is so far', async () => ((await told())?.done ?? 0) >= share * COUNT)
    if (what !== 'sidecar') await of.nats.crash()
    if (what !== 'server') await of.sidecar.kill()
    await delay(200)
    if (what !== 'sidecar') await of.nats.start()
    if (what !== 'server') await of.sidecar.start()
    await of.ready()
  }
  const end = await until('it has ended', async () => {
    const operation = await told()
    return operation !== undefined && isFinished(operation) && operation
  })
  expect(end).toMatchObject({ state: 'Succeeded', done: COUNT, skipped: 0 })
  await until('all came', () => got.size === COUNT)
  await eventually(async () => {
    expect(await there.api.ledger(to)).toMatchObject({ accepted: COUNT, acknowledged: COUNT, ready: 0, unaccounted: 0 })
    expect(await here.api.ledger(from)).toMatchObject({ accepted: COUNT, moved: COUNT, ready: 0, unaccounted: 0 })
  })
  consumer.ends = true
  await consuming
})
