import { setTimeout as delay } from 'node:timers/promises'
import { headers as natsHeaders } from '@nats-io/transport-node'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isFinished, type Operation, operationListSchema, operationSchema } from '../../crds/protocol/operation.ts'
import { OPERATION_STREAM } from '../../crds/protocol/subjects.ts'
import { eventually, numbered, type Puller, type QueueInput, TestBroker, until } from './harness.ts'

let broker: TestBroker
let number = 0
let queue = ''

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())
beforeEach(() => {
  queue = `operated${++number}`
})

const retry = { maxAttempts: 2, backoff: { initial: '0s' } }

async function begin(request: object, of = queue): Promise<Operation> {
  const answer = await broker.api.request('POST', `/queues/${of}/operations`, { body: JSON.stringify(request) })
  if (answer.status !== 201) throw new Error(`${answer.status}: ${answer.text}`)
  return operationSchema.strict().parse(answer.json)
}

async function look(id: string, of = queue): Promise<Operation> {
  return operationSchema.strict().parse((await broker.api.request('GET', `/queues/${of}/operations/${id}`)).json)
}

const ended = (id: string): Promise<Operation> =>
  until('the operation has ended', async () => {
    const operation = await look(id)
    return isFinished(operation) && operation
  })

/** Begins one and waits for its end. */
const operate = async (request: object): Promise<Operation> => ended((await begin(request)).id)

const ledger = async (of = queue): Promise<unknown> => (await broker.api.request('GET', `/queues/${of}/ledger`)).json

/** A Queue whose `bodies` are dead letters, rejected. */
async function withDeadLetters(bodies: readonly string[], spec: QueueInput = {}): Promise<Puller> {
  await broker.api.put(queue, { retry, ...spec })
  await broker.publish(queue, ...bodies)
  const puller = await broker.puller(queue)
  for (const message of await puller.take(bodies.length)) await message.settle('+TERM')
  return puller
}

const texts = async (stream: string): Promise<string[]> => (await broker.admin.messages(stream)).map(({ text }) => text)

describe('redrive', () => {
  it('brings dead letters back in order, as they were published, with their attempts before them', async () => {
    await broker.api.put(queue, { retry })
    const js = await broker.js()
    const own = natsHeaders()
    own.set('Trace', 'abc')
    await js.publish(`q.${queue}`, 'first', { headers: own, msgID: 'id-1' })
    await js.publish(`q.${queue}`, 'second')
    const puller = await broker.puller(queue)
    for (const message of await puller.take(2)) await message.settle('+TERM')
    const operation = await operate({ kind: 'redrive' })
    expect(operation).toMatchObject({ state: 'Succeeded', total: 2, looked: 2, done: 2, skipped: 0, message: '' })
    expect(await texts(`${queue}_dlq`)).toEqual([])
    const [first] = await broker.admin.messages(queue)
    expect(Object.keys(first?.headers ?? {}).filter((name) => name.startsWith('Pillion-Dead'))).toEqual([])
    expect(first?.headers).toMatchObject({ Trace: 'abc', 'Pillion-Msg-Id': 'id-1', 'Pillion-Attempts': '0' })
    const got = await puller.take(2)
    expect(got.map(({ text, attempt }) => [text, attempt])).toEqual([
      ['first', 1],
      ['second', 1],
    ])
    // Dead-lettered again, it still has its producer's id.
    await got[0]?.settle('+TERM')
    await eventually(async () => expect(await texts(`${queue}_dlq`)).toEqual(['first']))
    expect((await broker.admin.deadLetters(queue))[0]?.headers['Pillion-Dead-Letter-Msg-Id']).toBe('id-1')
    await got[1]?.settle()
    await eventually(async () =>
      expect(await ledger()).toMatchObject({ accepted: 4, acknowledged: 1, deadLettered: 3, unaccounted: 0 }),
    )
  })

  it.each([
    ['a key', { ordering: { mode: 'KeyedFifo' } }, '.key'],
    ['a level', { ordering: { mode: 'Priority' } }, '.7'],
    ['a path', { type: 'Hierarchical' }, '.a.b'],
  ])('brings it back to %s', async (_, spec, rest) => {
    await broker.api.put(queue, { retry, ...spec })
    const js = await broker.js()
    await js.publish(`q.${queue}${rest}`, 'x')
    const puller = await broker.puller(queue)
    await (await puller.one()).settle('+TERM')
    const stored = (await broker.admin.deadLetters(queue))[0]?.headers['Pillion-Dead-Letter-Subject']
    await operate({ kind: 'redrive' })
    const [back] = await broker.admin.messages(queue)
    expect(back?.subject).toBe(stored)
    await (await puller.one()).settle()
  })

  it('leaves a dead letter whose key has a newer message', async () => {
    await broker.api.put(queue, { retry, ordering: { mode: 'Lru' } })
    const js = await broker.js()
    for (const key of ['a', 'b']) await js.publish(`q.${queue}.${key}`, `old ${key}`)
    const puller = await broker.puller(queue)
    for (const message of await puller.take(2)) await message.settle('+TERM')
    await until('both are gone', async () => (await broker.admin.stream(queue)).state.messages === 0)
    await js.publish(`q.${queue}.a`, 'new a')
    const operation = await operate({ kind: 'redrive' })
    expect(operation).toMatchObject({ state: 'Succeeded', done: 1, skipped: 1 })
    expect(operation.message).toContain('newer message of key')
    expect([await texts(queue), await texts(`${queue}_dlq`)]).toEqual([['new a', 'old b'], ['old a']])
  })

  it('waits for room in a full Queue, says so, and loses nothing', async () => {
    const puller = await withDeadLetters(numbered(8))
    await broker.api.put(queue, { retry, retention: { maxMessages: 5 } }, 2)
    const { id } = await begin({ kind: 'redrive' })
    await until('it waits', async () => (await look(id)).state === 'Waiting')
    expect((await look(id)).message).toContain('is full')
    const got: string[] = []
    while (got.length < 8) {
      for (const message of await puller.fetch(8, 300)) {
        got.push(message.text)
        await message.settle()
      }
    }
    expect(await ended(id)).toMatchObject({ state: 'Succeeded', done: 8 })
    expect(got.toSorted()).toEqual(numbered(8))
  })
})

describe('a selection', () => {
  it('takes dead letters by reason, header, subject, age and number, and leaves the others', async () => {
    await broker.api.put(queue, { retry: { ...retry, maxAttempts: 1 } })
    const js = await broker.js()
    for (const [index, tenant] of ['eu', 'us', 'eu', 'us'].entries()) {
      const own = natsHeaders()
      own.set('Tenant', tenant)
      await js.publish(`q.${queue}`, `${index} ${tenant}`, { headers: own })
    }
    const puller = await broker.puller(queue)
    const [a, b, c, d] = await puller.take(4)
    for (const message of [a, b, c]) await message?.settle('+TERM')
    await d?.settle('-NAK')
    const counted = async (select: object): Promise<number> =>
      (await operate({ kind: 'redrive', select, dryRun: true })).done
    await until('all are dead', async () => (await texts(`${queue}_dlq`)).length === 4)
    expect(await counted({})).toBe(4)
    expect(await counted({ reason: 'rejected' })).toBe(3)
    expect(await counted({ reason: 'max-attempts' })).toBe(1)
    expect(await counted({ header: { name: 'tenant', value: 'eu' } })).toBe(2)
    expect(await counted({ header: { name: 'Tenant' } })).toBe(4)
    expect(await counted({ subject: 'q.other' })).toBe(0)
    expect(await counted({ olderThan: '1h' })).toBe(0)
    expect(await counted({ count: 3 })).toBe(3)
    expect((await texts(`${queue}_dlq`)).length).toBe(4)
    expect(await operate({ kind: 'redrive', select: { header: { name: 'Tenant', value: 'us' } } })).toMatchObject({
      done: 2,
      looked: 4,
    })
    expect(await texts(`${queue}_dlq`)).toEqual(['0 eu', '2 eu'])
    expect(await operate({ kind: 'purge', from: 'dead-letters', select: { count: 1 } })).toMatchObject({ done: 1 })
    expect(await texts(`${queue}_dlq`)).toEqual(['2 eu'])
  })
})

describe('purge', () => {
  it('drops dead letters', async () => {
    await withDeadLetters(numbered(300))
    expect(await operate({ kind: 'purge', from: 'dead-letters' })).toMatchObject({ done: 300, state: 'Succeeded' })
    expect(await texts(`${queue}_dlq`)).toEqual([])
  })

  it.each([
    ['Fifo', {}, () => ''],
    ['Priority', { ordering: { mode: 'Priority' } }, (index: number) => `.${index % 3}`],
  ])('ends the messages that wait, on record, and leaves those in flight; mode %s', async (_, spec, rest) => {
    await broker.api.put(queue, { retry, ...spec })
    const js = await broker.js()
    for (let index = 0; index < 9; index++) await js.publish(`q.${queue}${rest(index)}`, String(index))
    const puller = await broker.puller(queue)
    const inFlight = await puller.one()
    const operation = await operate({ kind: 'purge', from: 'messages' })
    expect(operation).toMatchObject({ state: 'Succeeded', done: 8, skipped: 1 })
    expect(await ledger()).toMatchObject({ accepted: 9, purged: 8, inFlight: 1, ready: 0, unaccounted: 0 })
    await inFlight.settle()
    await js.publish(`q.${queue}${rest(0)}`, 'next')
    expect((await puller.one()).text).toBe('next')
    expect(await ledger()).toMatchObject({ accepted: 10, purged: 8, acknowledged: 1, unaccounted: 0 })
  })
})

describe('move', () => {
  it('takes dead letters to another Queue', async () => {
    await withDeadLetters(numbered(5))
    await broker.api.put(`${queue}b`, { ordering: { mode: 'Priority' } })
    expect(await operate({ kind: 'move', from: 'dead-letters', to: `${queue}b` })).toMatchObject({ done: 5 })
    expect([await texts(`${queue}b`), await texts(`${queue}_dlq`)]).toEqual([numbered(5), []])
  })

  it('takes the messages of a paused Queue, and says of both what became of them', async () => {
    await broker.api.put(queue, { retry })
    await broker.api.put(`${queue}b`)
    await broker.publish(queue, ...numbered(6))
    const refused = await broker.api.request('POST', `/queues/${queue}/operations`, {
      body: JSON.stringify({ kind: 'move', from: 'messages', to: `${queue}b` }),
    })
    expect(refused).toMatchObject({ status: 409, json: { error: { code: 'QueueNotPaused' } } })
    const inFlight = await (await broker.puller(queue)).one()
    await broker.api.put(queue, { retry, paused: true }, 2)
    const operation = await operate({ kind: 'move', from: 'messages', to: `${queue}b` })
    expect(operation).toMatchObject({ state: 'Succeeded', done: 5, skipped: 1 })
    expect(await texts(`${queue}b`)).toEqual(numbered(6).slice(1))
    expect(await ledger()).toMatchObject({ accepted: 6, moved: 5, inFlight: 1, unaccounted: 0 })
    expect(await ledger(`${queue}b`)).toMatchObject({ accepted: 5, ready: 5, unaccounted: 0 })
    await inFlight.settle()
  })

  it('leaves what the other Queue cannot take', async () => {
    await withDeadLetters(['x'])
    await broker.api.put(`${queue}b`, { ordering: { mode: 'KeyedFifo' } })
    const operation = await operate({ kind: 'move', from: 'dead-letters', to: `${queue}b` })
    expect(operation).toMatchObject({ state: 'Succeeded', done: 0, skipped: 1 })
    expect(operation.message).toContain(`queue ${queue}b takes no message of subject q.${queue}`)
    expect(await texts(`${queue}_dlq`)).toEqual(['x'])
  })
})

describe('an operation', () => {
  it('keeps to its rate, is the only one of its Queue, and can be cancelled', async () => {
    await withDeadLetters(numbered(60))
    const began = performance.now()
    const { id } = await begin({ kind: 'redrive', ratePerSecond: 50, id: 'slow' })
    const second = await broker.api.request('POST', `/queues/${queue}/operations`, { body: '{"kind": "redrive"}' })
    expect(second).toMatchObject({ status: 409, json: { error: { code: 'OperationRunning' } } })
    await until('some are done', async () => (await look(id)).done >= 20)
    expect(performance.now() - began).toBeGreaterThan(200)
    const cancelled = await broker.api.request('DELETE', `/queues/${queue}/operations/${id}`)
    expect(cancelled).toMatchObject({ status: 200, json: { state: 'Cancelled' } })
    const { done } = await look(id)
    expect([(await texts(queue)).length, (await texts(`${queue}_dlq`)).length]).toEqual([done, 60 - done])
    await delay(100)
    expect((await texts(queue)).length).toBe(done)
  })

  it('is begun once by its id, and remembered over a restart', async () => {
    await withDeadLetters(numbered(3))
    const request = { kind: 'redrive', id: 'mine' }
    await operate(request)
    expect(await begin(request)).toMatchObject({ state: 'Succeeded', done: 3 })
    await broker.sidecar.stop()
    await broker.sidecar.start()
    await broker.ready()
    expect(await begin(request)).toMatchObject({ state: 'Succeeded', done: 3 })
    const { json } = await broker.api.request('GET', `/queues/${queue}/operations`)
    expect(operationListSchema.parse(json).operations.map(({ id }) => id)).toEqual(['mine'])
    expect((await broker.api.delete(queue, 'Delete')).status).toBe(200)
    await broker.api.put(queue)
    expect((await broker.api.request('GET', `/queues/${queue}/operations/mine`)).status).toBe(404)
  })

  it('is begun, and its Queue deleted, also where the stream that keeps operations was deleted', async () => {
    await withDeadLetters(['x'])
    await broker.admin.manager.streams.delete(OPERATION_STREAM)
    expect(await operate({ kind: 'redrive' })).toMatchObject({ state: 'Succeeded', done: 1 })
    await broker.admin.manager.streams.delete(OPERATION_STREAM)
    expect((await broker.api.delete(queue, 'Delete')).status).toBe(200)
  })

  it.each([
    [{ kind: 'drive' }, 'kind'],
    [{ kind: 'purge' }, 'from'],
    [{ kind: 'move', from: 'messages' }, 'to'],
    [{ kind: 'move', from: 'messages', to: 'nowhere' }, 'to'],
    [{ kind: 'redrive', to: 'b' }, 'to'],
    [{ kind: 'redrive', from: 'messages' }, 'from'],
    [{ kind: 'purge', from: 'messages', select: { reason: 'timeout' } }, 'select.reason'],
    [{ kind: 'redrive', select: { olderThan: 'long' } }, 'select.olderThan'],
    [{ kind: 'redrive', select: { subject: 'a..b' } }, 'select.subject'],
    [{ kind: 'redrive', select: { color: 'red' } }, 'select.color'],
    [{ kind: 'redrive', ratePerSecond: 0 }, 'ratePerSecond'],
    [{ kind: 'redrive', id: 'a.b' }, 'id'],
  ])('%o is refused, and the field named', async (request, field) => {
    await broker.api.put('refusing')
    const body = JSON.stringify(request)
    const answer = await broker.api.request('POST', '/queues/refusing/operations', { body })
    expect(answer).toMatchObject({ status: 400, json: { error: { code: 'InvalidParameter', field } } })
  })
})
