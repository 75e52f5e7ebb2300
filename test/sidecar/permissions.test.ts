import { connect } from 'node:net'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect as natsConnect, createInbox, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually, numbered, TestBroker } from './harness.ts'

const PASSWORD = 'password-of-the-client-user'

let broker: TestBroker
let client: NatsConnection

beforeAll(async () => {
  broker = await TestBroker.start({ clientPassword: PASSWORD })
  await broker.api.put('orders')
  await broker.publish('orders', ...numbered(3))
})
afterAll(() => broker?.[Symbol.asyncDispose]())

beforeEach(async () => {
  client = await broker.client()
})

describe('who connects', () => {
  const url = (): string => broker.nats.url
  it.each([
    ['no credentials', {}],
    ['the client’s name and another password', { user: 'client', pass: 'wrong' }],
    ['the sidecar’s name and the client’s password', { user: 'sidecar', pass: PASSWORD }],
    ['another name', { user: 'admin', pass: PASSWORD }],
    ['an empty password', { user: 'client', pass: '' }],
  ])('with %s is refused', async (_, credentials) => {
    await expect(natsConnect({ servers: url(), reconnect: false, ...credentials })).rejects.toThrow(/authorization/i)
  })
})

describe('the client user may not publish', () => {
  it.each([
    'pillion.check.mine',
    '$JS.API.STREAM.CREATE.mine',
    '$JS.API.STREAM.UPDATE.orders',
    '$JS.API.STREAM.PURGE.orders',
    '$JS.API.STREAM.DELETE.orders',
    '$JS.API.STREAM.LIST',
    '$JS.API.STREAM.MSG.DELETE.orders',
    '$JS.API.STREAM.MSG.GET.orders',
    '$JS.API.STREAM.SNAPSHOT.orders',
    '$JS.API.STREAM.RESTORE.orders',
    '$JS.API.STREAM.LEADER.STEPDOWN.orders',
    '$JS.API.STREAM.PEER.REMOVE.orders',
    '$JS.API.DIRECT.GET.orders',
    '$JS.API.CONSUMER.CREATE.orders',
    '$JS.API.CONSUMER.CREATE.orders.mine',
    '$JS.API.CONSUMER.CREATE.orders.mine.q.orders',
    '$JS.API.CONSUMER.DURABLE.CREATE.orders.mine',
    '$JS.API.CONSUMER.DELETE.orders.workers_fifo',
    '$JS.API.CONSUMER.PAUSE.orders.workers_fifo',
    '$JS.API.CONSUMER.UNPIN.orders.workers_fifo',
    '$JS.API.CONSUMER.RESET.orders.workers_fifo',
    '$JS.API.CONSUMER.LEADER.STEPDOWN.orders.workers_fifo',
    '$JS.API.CONSUMER.NAMES.orders',
    '$JS.API.CONSUMER.LIST.orders',
    '$JS.API.ACCOUNT.PURGE.$G',
    '$JS.API.SERVER.REMOVE',
    '$JS.FC.orders.x',
    'PILLION.JS.API.STREAM.DELETE.orders',
    'PILLION.JS.API.CONSUMER.MSG.NEXT.orders.workers_fifo',
    'PILLION.JS.ACK.orders.workers_fifo.1.1.1.1.0',
    'PILLION.SPEC.orders',
    'PILLION.SETTLED.orders',
    'PILLION.TX.RECORD.mine',
    'PILLION.TX.STAGED.mine',
    'PILLION.TX.ENDED.mine',
    'pillion.tx.commit.mine',
    'PILLION.CLOSED.orders',
    'dlq.orders',
    'orders',
    '$KV.bucket.key',
    '$O.bucket.key',
    '$SYS.REQ.SERVER.PING',
    '$SYS.REQ.ACCOUNT.PING.CONNZ',
    '_INBOX.of.somebody',
    'anything.else',
  ])('to %s', async (subject) => {
    const refusals = violations(client)
    client.publish(subject, '{}', { reply: createInbox() })
    await client.flush()
    await eventually(() => expect(refusals()).toHaveLength(1))
    expect(refusals()[0]).toMatch(/permissions violation for publish/i)
  })
})

it('the ways of the sidecar lead the client no further than its own', async () => {
  // nats-server checks where a mapping leads to; what the client may ask anyway it may ask by this name too.
  expect((await client.request('PILLION.JS.API.INFO')).json()).toHaveProperty('memory')
  const names = await broker.admin.streamNames()
  for (const what of ['STREAM.DELETE', 'STREAM.PURGE', 'CONSUMER.CREATE', 'STREAM.MSG.GET']) {
    client.publish(`PILLION.JS.API.${what}.orders`, '{"seq":1}')
  }
  await client.flush()
  expect(await broker.admin.streamNames()).toEqual(names)
  expect((await broker.admin.stream('orders')).state.messages).toBe(3)
})

describe('the client user may not subscribe', () => {
  it.each([
    '>',
    '*',
    'q.>',
    'q.orders',
    'dlq.>',
    'PILLION.>',
    'PILLION.NEXT.*.*',
    '$JS.>',
    '$JS.EVENT.>',
    '$SYS.>',
    '_INBOXES.>',
    '*.>',
  ])('to %s', async (subject) => {
    const error = await new Promise<Error | null>((done) => {
      client.subscribe(subject, { callback: (error) => done(error) })
    })
    expect(error?.message).toMatch(/permissions violation/i)
  })

  it('as one of the sidecars', async () => {
    const error = await new Promise<Error | null>((done) => {
      client.subscribe('PILLION.NEXT.*.*', { queue: 'pillion', callback: (error) => done(error) })
    })
    expect(error?.message).toMatch(/permissions violation/i)
  })
})

describe('the client user may', () => {
  it('publish to queues, pull, ask info and acknowledge, as stock clients do', async () => {
    const js = jetstream(client)
    expect(await js.publish('q.orders', 'm3')).toMatchObject({ stream: 'orders', seq: 4 })
    const stream = await js.streams.get('orders')
    expect((await stream.info()).config.name).toBe('orders')
    const consumer = await js.consumers.get('orders', 'workers')
    expect(await consumer.info(true)).toMatchObject({ name: 'workers' })
    const message = await consumer.next({ expires: 10_000 })
    expect(message?.string()).toBe('m0')
    expect(await message?.ackAck()).toBe(true)
  })

  it('open JetStream with the check that stock clients make, and find a stream by its subject', async () => {
    const manager = await jetstreamManager(client)
    expect((await manager.getAccountInfo()).streams).toBeGreaterThan(0)
    expect(await manager.streams.find('q.orders')).toBe('orders')
    expect((await manager.streams.names().next()).length).toBeGreaterThan(0)
  })

  it('ask for a transaction', async () => {
    const request = JSON.stringify({ sends: [{ queue: 'orders', body: 'sent' }] })
    const answer: unknown = (await client.request('pillion.tx.commit', request, { timeout: 10_000 })).json()
    expect(answer).toMatchObject({ state: 'Committed' })
  })

  it('be asked what is to become of a transaction, and answer', async () => {
    client.subscribe('pillion.check.shop', { callback: (_, message) => void message.respond('{"answer":"commit"}') })
    await client.flush()
    const ask = async (verb: string, body: object): Promise<void> => {
      await client.request(`pillion.tx.${verb}`, JSON.stringify({ id: 'left', secret: 'a secret of a test', ...body }))
    }
    await ask('begin', { checkBack: { subject: 'pillion.check.shop', firstAfter: '1s' } })
    await ask('send', { from: 0, sends: [{ queue: 'orders', body: 'left' }] })
    await ask('prepare', {})
    await eventually(async () => {
      const { json } = await broker.api.request('GET', '/transactions/left')
      expect(json).toMatchObject({ state: 'Committed' })
    })
  })

  it('publish to queues at the core, without waiting', async () => {
    const before = (await broker.admin.stream('orders')).state.last_seq
    client.publish('q.orders', 'core')
    await eventually(async () => expect((await broker.admin.stream('orders')).state.last_seq).toBe(before + 1))
  })
})

it('a stream of the client’s own making is refused before anything is made', async () => {
  const manager = await jetstreamManager(client)
  await expect(manager.streams.add({ name: 'mine', subjects: ['q.mine'] })).rejects.toThrow(/permissions violation/i)
  await expect(manager.consumers.add('orders', { durable_name: 'mine' })).rejects.toThrow(/permissions violation/i)
  await expect(manager.streams.purge('orders')).rejects.toThrow(/permissions violation/i)
  await expect(manager.streams.delete('orders')).rejects.toThrow(/permissions violation/i)
  expect(await broker.admin.streamNames()).not.toContain('mine')
})

it('the monitor of nats-server is not open where it is not asked for', async () => {
  const open = await new Promise<boolean>((done) => {
    const socket = connect(8222, '127.0.0.1', () => {
      socket.destroy()
      done(broker.nats.output().includes('8222'))
    })
    socket.once('error', () => done(false))
  })
  expect(open).toBe(false)
})

/** What nats-server refuses this connection from now on. */
function violations(connection: NatsConnection): () => string[] {
  const seen: string[] = []
  void (async () => {
    for await (const status of connection.status()) {
      if (status.type === 'error') seen.push(status.error.message)
    }
  })()
  return () => seen
}
