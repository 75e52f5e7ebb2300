import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Api, numbered, startNats, TestBroker, TOKEN, until } from './harness.ts'
import { inProcess } from './harness/sidecar.ts'

let broker: TestBroker

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const status = async (path: string): Promise<number> => (await broker.api.request('GET', path)).status

describe('while nats-server is down', () => {
  it('the sidecar lives, is not ready, and says so; afterwards it serves again by itself', async () => {
    await broker.api.put('orders')
    await broker.publish('orders', ...numbered(3))
    expect([await status('/healthz'), await status('/readyz')]).toEqual([200, 200])
    expect(await broker.api.metric('pillion_broker_connected')).toBe(1)

    await broker.nats.crash()
    await until('it has noticed', async () => (await status('/readyz')) === 503)
    expect(await status('/healthz')).toBe(200)
    expect((await broker.api.request('GET', '/readyz')).text).toMatch(/nats-server/)
    expect(await broker.api.metric('pillion_broker_connected')).toBe(0)
    const notReady = {
      status: 503,
      json: { error: { code: 'BrokerNotReady', message: expect.stringMatching(/again/) } },
    }
    expect(await broker.api.tryPut('orders')).toMatchObject(notReady)
    expect(await broker.api.tryPut('new')).toMatchObject(notReady)
    expect(await broker.api.request('GET', '/queues/orders')).toMatchObject(notReady)
    expect(await broker.api.request('GET', '/queues')).toMatchObject(notReady)
    expect(await broker.api.delete('orders', 'Delete')).toMatchObject(notReady)
    // What is wrong by itself is still told.
    expect(await broker.api.tryPut('New')).toMatchObject({ status: 400 })
    expect(await broker.api.request('GET', '/queues', { headers: {} })).toMatchObject({ status: 401 })

    await broker.nats.start()
    await broker.ready()
    expect(await broker.api.metric('pillion_broker_connected')).toBe(1)
    expect(await broker.api.metric('pillion_broker_reconnects_total')).toBe(1)
    expect((await (await broker.puller('orders')).take(3)).map(({ text }) => text)).toEqual(numbered(3))
  })
})

describe('a nats-server that comes late', () => {
  it('is waited for', async () => {
    await using nats = await startNats()
    await nats.stop()
    const sidecar = await inProcess(nats.url)
    const api = new Api(() => sidecar.url, undefined)
    try {
      expect((await api.request('GET', '/healthz')).status).toBe(200)
      expect((await api.request('GET', '/readyz')).status).toBe(503)
      expect((await api.request('GET', '/metrics')).text).toContain('pillion_broker_connected 0')
      await nats.start()
      await until('it is ready', async () => (await api.request('GET', '/readyz')).status === 200)
    } finally {
      await sidecar.stop()
    }
  })

  it('can be given up on', async () => {
    await using nats = await startNats()
    await nats.stop()
    const sidecar = await inProcess(nats.url)
    expect(await sidecar.stop()).toBe(0)
  })
})

it('a password that nats-server refuses leaves the sidecar alive and not ready', async () => {
  const sidecar = await inProcess(broker.nats.url, 'not-the-password')
  const api = new Api(() => sidecar.url, TOKEN)
  try {
    await until('nats-server has refused it', async () => (await rejected()) > 1)
    expect((await api.request('GET', '/healthz')).status).toBe(200)
    expect((await api.request('GET', '/readyz')).status).toBe(503)
    expect(await api.tryPut('orders')).toMatchObject({ status: 503 })
  } finally {
    await sidecar.stop()
  }
})

/** Connections that nats-server closed for their credentials, as its own log has them. */
async function rejected(): Promise<number> {
  return broker.nats.output().split('authentication error').length - 1
}
