import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestBroker, TOKEN } from './harness.ts'

let broker: TestBroker

beforeAll(async () => {
  broker = await TestBroker.start()
  await broker.api.put('orders')
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const calls: Array<[string, string]> = [
  ['GET', '/queues'],
  ['GET', '/queues/orders'],
  ['GET', '/queues/unknown'],
  ['PUT', '/queues/orders'],
  ['DELETE', '/queues/orders?policy=Delete'],
]

describe.each(calls)('%s %s', (method, path) => {
  it.each<[string, Record<string, string>]>([
    ['no token', {}],
    ['another token', { authorization: 'Bearer another-token-0123456789' }],
    ['the token without Bearer', { authorization: TOKEN }],
    ['the token as a password', { authorization: `Basic ${btoa(`x:${TOKEN}`)}` }],
    ['the beginning of the token', { authorization: `Bearer ${TOKEN.slice(0, -1)}` }],
    ['more than the token', { authorization: `Bearer ${TOKEN}x` }],
    ['an empty token', { authorization: 'Bearer ' }],
    ['another token for the proxy', { 'pillion-authorization': 'Bearer another-token-0123456789' }],
    [
      'another one for the proxy, whatever the first says',
      {
        authorization: `Bearer ${TOKEN}`,
        'pillion-authorization': 'Bearer another-token-0123456789',
      },
    ],
  ])('is refused with %s', async (_, headers) => {
    const { status, json, text } = await broker.api.request(method, path, {
      headers,
      ...(method === 'PUT' ? { body: 'x' } : {}),
    })
    expect(status).toBe(401)
    expect(json).toEqual({ error: { code: 'Unauthorized', message: expect.stringMatching(/token/) } })
    expect(text).not.toContain(TOKEN)
    expect(await broker.api.get('orders')).toMatchObject({ configured: true })
  })
})

it.each([
  ['Authorization', { authorization: `Bearer ${TOKEN}` }],
  ['Pillion-Authorization', { 'pillion-authorization': `Bearer ${TOKEN}` }],
  [
    'Pillion-Authorization beside another Authorization',
    {
      authorization: 'Bearer of-the-api-server',
      'pillion-authorization': `Bearer ${TOKEN}`,
    },
  ],
])('the token is taken from %s', async (_, headers) => {
  expect((await broker.api.request('GET', '/queues/orders', { headers })).status).toBe(200)
})

it.each(['/healthz', '/readyz', '/metrics'])('%s needs none', async (path) => {
  expect((await broker.api.request('GET', path, { headers: {} })).status).toBe(200)
})
