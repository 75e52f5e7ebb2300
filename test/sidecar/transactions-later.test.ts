import { setTimeout as delay } from 'node:timers/promises'
import { headers } from '@nats-io/transport-node'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually, TestBroker, until } from './harness.ts'
import { to, TransactionClient } from './harness/transactions.ts'

// Sends of a transaction that come later, as publishes to `delay.<queue>` do.

let broker: TestBroker
let tx: TransactionClient
let number = 0
let one: string
let two: string

beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
  tx = new TransactionClient(await broker.client())
})
afterAll(() => broker?.[Symbol.asyncDispose]())
beforeEach(async () => {
  number++
  ;[one, two] = [`one-${number}`, `two-${number}`]
  for (const queue of [one, two]) await broker.api.put(queue, { deduplication: { window: '100ms' } })
})

type Send = ReturnType<typeof to>[number] & { headers: Record<string, string> }
const later = (queue: string, wait: string, ...bodies: string[]): Send[] =>
  to(queue, ...bodies).map((send) => ({ ...send, headers: { 'Pillion-Delay': wait } }))

const texts = async (queue: string): Promise<string[]> => (await broker.admin.messages(queue)).map(({ text }) => text)
const waiting = async (queue: string): Promise<number> => (await broker.api.get(queue)).messages.delayed
const holds = (queue: string, ...bodies: string[]): Promise<void> =>
  eventually(async () => expect(await texts(queue)).toEqual(bodies))

async function prepared(sends: object[]): Promise<{ id: string; secret: string }> {
  const { id, secret = '' } = await tx.ask('begin', { timeout: '1h' })
  await tx.ask('send', { id, secret, from: 0, sends })
  expect(await tx.ask('prepare', { id, secret })).toMatchObject({ state: 'Prepared' })
  return { id, secret }
}

it('come at their time, once, with their own headers, and what is sent at once does not wait for them', async () => {
  const at = new Date(Date.now() + 1500).toISOString()
  const timed = { queue: one, body: 'at', headers: { 'Pillion-At': at, tenant: 'a', 'Nats-Msg-Id': 'own' } }
  const id = `all-${number}`
  const sends = [...to(one, 'now'), ...later(one, '1h', 'much later'), timed, ...later(two, '1s', 'soon')]
  const done = await tx.ask('commit', { id, sends })
  expect(done).toMatchObject({ state: 'Committed' })
  expect(done.queues).toEqual({
    [one]: { sends: 1, first: 1, last: 1 },
    [`delay.${one}`]: { sends: 2, first: expect.any(Number), last: expect.any(Number) },
    [`delay.${two}`]: { sends: 1, first: expect.any(Number), last: expect.any(Number) },
  })
  expect([await texts(one), await texts(two)]).toEqual([['now'], []])
  expect([await waiting(one), await waiting(two)]).toEqual([2, 1])
  expect(await tx.ask('commit', { id, sends })).toEqual(done)
  await holds(two, 'soon')
  await holds(one, 'now', 'at')
  const message = (await broker.admin.messages(one))[1]
  expect(message?.headers).toMatchObject({
    tenant: 'a',
    'Pillion-Msg-Id': 'own',
    'Pillion-Transaction': `${id}/delay.${one}`,
  })
  expect(
    Object.keys(message?.headers ?? {}).filter((name) => /^pillion-(delayed-(?!seq)|at|delay$)/i.test(name)),
  ).toEqual([])
  // The sequence in the answer is what takes it back.
  const cancelling = headers()
  cancelling.set('Pillion-Cancel', String(done.queues[`delay.${one}`]?.first))
  const js = await broker.js()
  await js.publish(`delay.${one}`, '', { headers: cancelling })
  expect(await waiting(one)).toBe(0)
  expect(await broker.api.ledger(one)).toMatchObject({ accepted: 2, ready: 2, unaccounted: 0 })
})

it('count from the commit, not from prepare; of one that is aborted nothing waits', async () => {
  const { id, secret } = await prepared(later(one, '1s', 'a'))
  const aborted = await prepared(later(two, '10ms', 'b'))
  await tx.ask('abort', aborted)
  await delay(1100)
  expect([await waiting(one), await waiting(two)]).toEqual([0, 0])
  const asked = Date.now()
  await tx.ask('commit', { id, secret })
  expect(await waiting(one)).toBe(1)
  await holds(one, 'a')
  const stored = await broker.admin.manager.streams.getMessage(one, { seq: 1 })
  expect((stored?.time.getTime() ?? 0) - asked).toBeGreaterThanOrEqual(1000)
  expect(await texts(two)).toEqual([])
})

it('that the queue has already, by their Nats-Msg-Id, are left out; also where they came between prepare and commit', async () => {
  await broker.api.put(one, { deduplication: { window: '1h' } }, 2)
  const withId = (id: string): object => ({
    queue: one,
    body: id,
    headers: { 'Pillion-Delay': '2s', 'Nats-Msg-Id': id },
  })
  expect((await tx.ask('commit', { sends: [withId('x')] })).queues[`delay.${one}`]).toMatchObject({ sends: 1 })
  const { id, secret } = await prepared([withId('x'), withId('y'), withId('z')])
  const js = await broker.js()
  const own = headers()
  own.set('Pillion-Delay', '2s')
  await js.publish(`delay.${one}`, 'y', { headers: own, msgID: 'y' })
  const { queues } = await tx.ask('commit', { id, secret })
  expect(queues[`delay.${one}`]).toMatchObject({ sends: 3, duplicates: 2 })
  expect(await waiting(one)).toBe(3)
  await eventually(async () => expect((await texts(one)).toSorted()).toEqual(['x', 'y', 'z']))
})

it('are refused where as many wait as may', async () => {
  await broker.api.put(one, { retention: { maxMessages: 2 } }, 2)
  const refused = await tx.refused('commit', { sends: [...to(two, 'a'), ...later(one, '1h', 'b', 'c', 'd')] })
  expect(refused).toMatchObject({ code: 'QueueFull', message: expect.stringContaining('maxMessages (2)') })
  expect([await texts(two), await waiting(one)]).toEqual([[], 0])
  expect(await tx.ask('commit', { sends: later(one, '1h', 'b', 'c') })).toMatchObject({ state: 'Committed' })
})

describe('while the transaction waits for a full queue', () => {
  it.each([false, true])('come all the same (after a restart: %s)', async (restarts) => {
    await broker.api.put(two, { retention: { maxMessages: 1, onLimit: 'Reject' } }, 2)
    const { id, secret } = await prepared([...later(one, '1s', 'a'), ...to(two, 'b')])
    await broker.publish(two, 'full')
    expect(await tx.ask('commit', { id, secret })).toMatchObject({ state: 'Committing' })
    if (restarts) {
      await broker.sidecar.kill()
      await broker.sidecar.start()
      await broker.ready()
    }
    await holds(one, 'a')
    expect((await broker.api.request('GET', `/transactions/${id}`)).json).toMatchObject({ state: 'Committing' })
    await (await (await broker.puller(two)).one()).settle('+ACK')
    await until('it is committed', async () => {
      const { json } = await broker.api.request('GET', `/transactions/${id}`)
      return JSON.stringify(json).includes('"Committed"')
    })
    expect([await texts(one), await texts(two)]).toEqual([['a'], ['b']])
    await delay(200)
    expect(await texts(one)).toEqual(['a'])
  })
})

it('are there once, and at their time, however often a sidecar or server is killed', async () => {
  const bodies = Array.from({ length: 30 }, (_, index) => `m${index}`)
  const asking = async (): Promise<void> => {
    for (const body of bodies) {
      const sends = [
        ...later(one, `${(bodies.indexOf(body) * 37) % 800}ms`, body),
        ...later(two, '300ms', body),
        ...to(two, body),
      ]
      await until('it is committed', async () => {
        const answer = await tx.raw('commit', { id: `killed-${body}`, sends }, 2000).catch(() => undefined)
        if (answer !== undefined && 'id' in answer) return answer.state === 'Committed'
        if (answer !== undefined && answer.error.code !== 'BrokerNotReady')
          throw new Error(JSON.stringify(answer.error))
        return false
      })
    }
  }
  const asked = asking()
  for (let kills = 0; kills < 6; kills++) {
    await delay(150 + kills * 40)
    const isServer = kills % 3 === 2
    await broker.sidecar.kill()
    if (isServer) await broker.nats.crash()
    await delay(250)
    if (isServer) await broker.nats.start()
    await broker.sidecar.start()
    await broker.ready()
  }
  await asked
  await until('nothing waits', async () => (await waiting(one)) + (await waiting(two)) === 0)
  expect((await texts(one)).toSorted()).toEqual(bodies.toSorted())
  expect((await texts(two)).toSorted()).toEqual([...bodies, ...bodies].toSorted())
}, 120_000)
