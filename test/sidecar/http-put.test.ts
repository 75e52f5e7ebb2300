import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { queueObservationSchema } from '../../crds/protocol/api.ts'
import { numbered, type QueueInput, TestBroker } from './harness.ts'

let broker: TestBroker

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const put = async (queue: string, body: unknown): Promise<{ status: number; json: unknown }> => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const { status, json } = await broker.api.request('PUT', `/queues/${queue}`, { body: text })
  return { status, json }
}
const refusal = (status: number, code: string, field: string | undefined, message: RegExp): object => ({
  status,
  json: {
    error: { code, ...(field === undefined ? {} : { field }), message: expect.stringMatching(message) },
  },
})

describe('PUT /queues/<name>', () => {
  it('makes a Queue and answers with what is there; again, the same', async () => {
    const expected = {
      name: 'orders',
      generation: 7,
      configured: true,
      subject: 'q.orders',
      messages: { ready: 0, inFlight: 0, delayed: 0, deadLettered: 0 },
      transactionsInDoubt: 0,
      corrected: [],
    }
    expect(await broker.api.put('orders', {}, 7)).toEqual(expected)
    await broker.publish('orders', ...numbered(3))
    await (await broker.puller('orders')).one()
    const used = { ...expected, messages: { ...expected.messages, ready: 2, inFlight: 1 } }
    expect(await broker.api.put('orders', {}, 7)).toEqual(used)
    expect(await broker.api.put('orders', {}, 8)).toEqual({ ...used, generation: 8 })
    expect(await broker.api.get('orders')).toEqual({ ...used, generation: 8 })
  })

  it.each([
    'Orders',
    'or_ders',
    '-orders',
    'orders-',
    '1orders',
    'a'.repeat(41),
    'q%2Fx',
    'q.x',
    '%20',
    'ü',
    '*',
    '%3E',
  ])('refuses the name %s', async (name) => {
    expect(await put(name, { generation: 1, spec: {} })).toEqual(
      refusal(400, 'InvalidName', 'metadata.name', /the name must be a DNS label of at most 40 characters/),
    )
  })

  it.each([
    ['nothing', '', /not JSON/],
    ['no JSON', '{"generation": 1, "spec": {', /not JSON/],
    ['YAML', 'generation: 1', /not JSON/],
  ])('refuses a body that is %s', async (_, body, message) => {
    expect(await put('orders', body)).toEqual(refusal(400, 'InvalidJson', undefined, message))
  })

  it.each<[string, unknown, string, RegExp]>([
    ['a list', [], 'body', /generation/],
    ['null', null, 'body', /generation/],
    ['without generation', { spec: {} }, 'generation', /"generation": 1/],
    ['with a generation below 0', { generation: -1, spec: {} }, 'generation', /generation/],
    ['with a generation of text', { generation: '1', spec: {} }, 'generation', /generation/],
    ['with an unknown field', { generation: 1, spec: {}, more: 1 }, 'body', /more/],
    ['without spec', { generation: 1 }, 'spec', /./],
    ['with a spec that is a list', { generation: 1, spec: [] }, 'spec', /./],
    ['with a spec of null', { generation: 1, spec: null }, 'spec', /./],
  ])('refuses a body %s', async (_, body, field, message) => {
    expect(await put('orders', body)).toEqual(refusal(400, 'InvalidSpec', field, message))
  })

  it.each<[string, object, RegExp]>([
    ['spec.unknown', { unknown: 1 }, /is not a field/],
    ['spec.retry.maxAttempt', { retry: { maxAttempt: 1 } }, /is not a field/],
    ['spec.retry.maxAttempts', { retry: { maxAttempts: -1 } }, /at least 0/],
    ['spec.retry.maxAttempts', { retry: { maxAttempts: 1001 } }, /at most 1000/],
    ['spec.retry.maxAttempts', { retry: { maxAttempts: 1.5 } }, /whole number/],
    ['spec.retry.visibilityTimeout', { retry: { visibilityTimeout: '10' } }, /./],
    ['spec.retry.visibilityTimeout', { retry: { visibilityTimeout: '500ms' } }, /./],
    ['spec.retry.backoff.max', { retry: { backoff: { initial: '10s', max: '1s' } } }, /must not be less than/],
    ['spec.retry.backoff.jitterPercent', { retry: { backoff: { jitterPercent: 101 } } }, /at most 100/],
    ['spec.retention.maxMessages', { retention: { maxMessages: 0 } }, /at least 1/],
    ['spec.retention.maxBytes', { retention: { maxBytes: '1KB' } }, /./],
    ['spec.retention.maxBytes', { retention: { maxBytes: '1Ki' } }, /./],
    ['spec.retention.maxMessageSize', { retention: { maxMessageSize: '9Mi' } }, /./],
    ['spec.retention.maxAge', { retention: { maxAge: '7d' } }, /./],
    ['spec.retention.until', { retention: { until: 'Forever' } }, /Acknowledged or Expired/],
    ['spec.retention.onLimit', { retention: { onLimit: 'Ignore' } }, /Reject or DropOldest/],
    ['spec.deadLetter.maxBytes', { deadLetter: { maxBytes: '64Ki' } }, /must not be less than/],
    ['spec.deduplication.window', { deduplication: { window: '0s' } }, /./],
    ['spec.paused', { paused: 'yes' }, /true or false/],
    ['spec.type', { type: 'Topic' }, /./],
    ['spec.consumerGroups[0].name', { consumerGroups: [{ name: 'Workers' }] }, /DNS label/],
    ['spec.deletionPolicy', { deletionPolicy: 'Never' }, /./],
  ])('refuses %s of %j', async (field, spec, message) => {
    expect(await put('refused', { generation: 1, spec })).toEqual(refusal(400, 'InvalidSpec', field, message))
    expect((await broker.api.request('GET', '/queues/refused')).status).toBe(404)
    expect(await broker.admin.streamNames()).not.toContain('refused')
  })

  it.each<[string, object]>([['spec.deduplication.durable', { deduplication: { durable: true } }]])(
    'says that %s of %j is not implemented yet, and what to use',
    async (field, spec) => {
      expect(await put('refused', { generation: 1, spec })).toEqual(
        refusal(501, 'NotImplemented', field, /not implemented yet; use /),
      )
    },
  )

  it('names what is wrong rather than what is not there yet, when both are', async () => {
    const spec = { deduplication: { durable: true }, retry: { maxAttempts: -1 } }
    expect(await put('refused', { generation: 1, spec })).toMatchObject({ status: 400 })
  })

  it.each<[string, QueueInput]>([['spec.brokerRef', { brokerRef: { name: 'shop' } }]])(
    'refuses a change of %s',
    async (field, spec) => {
      await broker.api.put('fixed')
      expect(await broker.api.tryPut('fixed', spec, 2)).toMatchObject(
        refusal(409, 'ImmutableFieldChanged', field, /cannot be changed/),
      )
      expect(await broker.api.get('fixed')).toMatchObject({ generation: 1 })
    },
  )

  it.each([
    ['with its length', (body: string) => ({ body })],
    [
      'in pieces',
      (body: string) => ({
        body: new ReadableStream({
          start: (controller) => {
            controller.enqueue(new TextEncoder().encode(body))
            controller.close()
          },
        }),
        duplex: 'half' as const,
      }),
    ],
  ])('refuses a body that is too large, sent %s', async (_, init) => {
    const body = JSON.stringify({ generation: 1, spec: { x: 'y'.repeat(300_000) } })
    for (const _ of [1, 2, 3]) {
      const { status, json } = await broker.api.request('PUT', '/queues/orders', init(body))
      expect({ status, json }).toEqual(refusal(413, 'BodyTooLarge', undefined, /262144 bytes at most/))
      // … and the next request is answered.
      expect((await broker.api.request('GET', '/queues/unknown')).status).toBe(404)
    }
  })
})

describe('what is not there', () => {
  it.each([
    ['GET', '/queues/unknown'],
    ['DELETE', '/queues/unknown'],
    ['GET', '/queues/unknown/more'],
    ['GET', '/nothing'],
    ['POST', '/queues/orders'],
    ['GET', '/'],
  ])('%s %s is answered with 404', async (method, path) => {
    const { status, json } = await broker.api.request(method, path)
    expect({ status, json }).toEqual(refusal(404, 'QueueNotFound', undefined, /./))
  })

  it.each(['/queues/%zz', '/queues/%', '/queues/a%00b', `/queues/${'a'.repeat(10_000)}`])(
    'a path like %s ends nothing',
    async (path) => {
      expect((await broker.api.request('GET', path)).status).toBeGreaterThanOrEqual(400)
      expect((await broker.api.request('GET', path)).status).toBeLessThan(500)
      expect((await broker.api.request('GET', '/readyz')).status).toBe(200)
    },
  )
})

it('GET /queues lists every Queue by name', async () => {
  for (const queue of ['zebra', 'ant', 'orders']) await broker.api.put(queue)
  const { status, json } = await broker.api.request('GET', '/queues')
  expect(status).toBe(200)
  const { queues } = z.object({ queues: z.array(queueObservationSchema) }).parse(json)
  const names = queues.map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining(['ant', 'orders', 'zebra']))
  expect(names).toEqual(names.toSorted())
  expect(queues).toContainEqual(await broker.api.get('zebra'))
})
