import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { transactions } from '../../sidecar/client/transaction.ts'
import { peerToken } from '../../crds/protocol/peers.ts'
import { type Transaction, transactionSchema } from '../../crds/protocol/transaction.ts'
import { eventually, type TestBroker, TOKEN, until } from './harness.ts'
import { Namespace } from './harness/namespace.ts'
import { to, TransactionClient } from './harness/transactions.ts'

// Transactions over Queues that several brokers keep: each a real nats-server with its sidecar, told of the others as the operator tells them.

/** Milliseconds; what hides a second try for that long is not what makes it harmless. */
const WINDOW_MS = 100
const SPEC = {
  deduplication: { window: `${WINDOW_MS}ms` },
  retry: { visibilityTimeout: '2s', backoff: { initial: '10ms', jitterPercent: 0 } },
}

let namespace: Namespace
let here: TestBroker
let there: TestBroker
let third: TestBroker
let tx: TransactionClient
let number = 0
/** Queues of a test: two of the first broker, two of the second, one of the third. */
let q: Record<'from' | 'one' | 'thereFrom' | 'two' | 'three', string>

beforeAll(async () => {
  namespace = await Namespace.start(['here', 'there', 'third.one'], { sidecar: 'ownProcess' })
  here = namespace.broker('here')
  there = namespace.broker('there')
  third = namespace.broker('third.one')
  tx = new TransactionClient(await here.client())
})
afterAll(() => namespace?.[Symbol.asyncDispose]())
beforeEach(async () => {
  number++
  const name = (text: string): string => `${text}-${number}`
  q = {
    from: name('from'),
    one: name('one'),
    thereFrom: name('there-from'),
    two: name('two'),
    three: name('three'),
  }
  for (const queue of [q.from, q.one]) await here.api.put(queue, SPEC)
  for (const queue of [q.thereFrom, q.two]) await there.api.put(queue, SPEC)
  await third.api.put(q.three, SPEC)
  await namespace.tell()
})

const texts = async (broker: TestBroker, queue: string): Promise<string[]> =>
  (await broker.admin.messages(queue)).map(({ text }) => text)

const listed = async (broker: TestBroker): Promise<Transaction[]> =>
  z
    .object({ transactions: z.array(transactionSchema.strict()) })
    .parse((await broker.api.request('GET', '/transactions')).json).transactions

/** Everywhere everything is at its end, and nothing is kept of it but that. */
const nothingLeft = async (): Promise<void> => {
  for (const broker of [here, there, third]) {
    await until('nothing is open', async () => (await listed(broker)).length === 0)
    await eventually(async () => expect(await broker.admin.transactionWords()).toBe(0))
  }
}

async function deliver(broker: TestBroker, queue: string): Promise<string> {
  await broker.publish(queue, 'cause')
  return (await (await broker.puller(queue)).one()).reply
}

const acknowledged = async (broker: TestBroker, queue: string, count = 1): Promise<void> =>
  eventually(async () =>
    expect(await broker.api.ledger(queue)).toMatchObject({
      acknowledged: count,
      ready: 1 - count,
      inFlight: 0,
      unaccounted: 0,
    }),
  )

async function prepared(sends: object[], acks: string[] = []): Promise<{ id: string; secret: string }> {
  const { id, secret = '' } = await tx.ask('begin', { timeout: '1h' })
  await tx.ask('send', { id, secret, from: 0, sends })
  if (acks.length > 0) await tx.ask('ack', { id, secret, acks })
  expect(await tx.ask('prepare', { id, secret })).toMatchObject({ state: 'Prepared' })
  return { id, secret }
}

async function restart(broker: TestBroker): Promise<void> {
  await broker.sidecar.start()
  await broker.ready()
}

it('after a restart, before the broker is told of others again, their queues are to be asked for again, and then they are there', async () => {
  await here.sidecar.stop()
  await restart(here)
  expect(await tx.refused('commit', { sends: to(q.two, 'a') })).toEqual({
    code: 'BrokerNotReady',
    field: 'sends[0].queue',
    message: `there is no queue "${q.two}" in this broker, and it was not told of the other brokers of its namespace since it started; ask again in a moment`,
  })
  const acks = [`$JS.ACK.nowhere.workers_fifo.1.1.1.1764000000000000000.0`]
  expect(await tx.refused('commit', { acks })).toMatchObject({ code: 'BrokerNotReady', field: 'acks[0]' })
  const transaction = transactions(await here.client())
  const early = transaction((each) => each.send(q.two, 'early'))
  expect((await here.api.request('GET', '/peers')).json).toEqual({})
  await namespace.tell()
  expect(await early).toMatchObject({ state: 'Committed' })
  expect(await texts(there, q.two)).toEqual(['early'])
  expect((await here.api.request('GET', '/peers')).json).toEqual({ digest: expect.stringMatching(/^[0-9a-f]{64}$/) })
  expect(await tx.refused('commit', { sends: to('nowhere', 'a') })).toMatchObject({
    code: 'QueueNotFound',
    message: 'there is no queue "nowhere" in this broker, nor in another that it was told of',
  })
  expect(await tx.refused('commit', { acks })).toMatchObject({ code: 'QueueNotFound', field: 'acks[0]' })
})

describe('everything at once', () => {
  it('sends to queues of three brokers, and acknowledges messages of two', async () => {
    const acks = [await deliver(here, q.from), await deliver(there, q.thereFrom)]
    const id = `all-${number}`
    const sends = [
      ...to(q.one, 'a', 'b'),
      { queue: q.two, headers: { tenant: ['x', 'y'] }, body: 'AAE=', encoding: 'base64' },
      ...to(q.three, 'd'),
      ...to(q.two, 'e'),
    ]
    const done = await tx.ask('commit', { id, sends, acks })
    expect(done).toMatchObject({ id, state: 'Committed', acks: 2 })
    expect(done.queues).toEqual({
      [q.one]: { sends: 2, first: 1, last: 2 },
      [q.two]: { sends: 2, first: 1, last: 2 },
      [q.three]: { sends: 1, first: 1, last: 1 },
    })
    expect(await tx.ask('commit', { id, sends, acks })).toEqual(done)
    expect([await texts(here, q.one), await texts(there, q.two), await texts(third, q.three)]).toEqual([
      ['a', 'b'],
      ['\u0000\u0001', 'e'],
      ['d'],
    ])
    const [first] = await there.admin.messages(q.two)
    expect(first?.headers).toMatchObject({ 'Pillion-Transaction': `here:${id}/${q.two}` })
    await acknowledged(here, q.from)
    await acknowledged(there, q.thereFrom)
    await nothingLeft()
  })

  it('goes to another broker alone', async () => {
    const acks = [await deliver(there, q.thereFrom)]
    expect(await tx.ask('commit', { sends: to(q.two, 'a'), acks })).toMatchObject({ state: 'Committed' })
    expect(await texts(there, q.two)).toEqual(['a'])
    await acknowledged(there, q.thereFrom)
    await nothingLeft()
  })

  it('leaves out what the other broker has already, by its Nats-Msg-Id', async () => {
    await there.api.put(q.two, { ...SPEC, deduplication: { window: '1h' } }, 2)
    const sends = [{ queue: q.two, headers: { 'Nats-Msg-Id': 'x' }, body: 'a' }]
    await tx.ask('commit', { sends })
    const { queues } = await tx.ask('commit', { sends: [...sends, ...to(q.two, 'b'), ...to(q.one, 'c')] })
    expect(queues[q.two]).toEqual({ sends: 2, duplicates: 1, first: 2, last: 2 })
    expect(await texts(there, q.two)).toEqual(['a', 'b'])
  })

  it('is refused as a whole where one broker cannot do its part, and says which', async () => {
    const full = { retention: { maxMessages: 1, onLimit: 'Reject' } }
    await there.api.put(q.two, { ...SPEC, ...full }, 2)
    await there.publish(q.two, 'x')
    const acks = [await deliver(here, q.from), await deliver(there, q.thereFrom)]
    const answer = await tx.raw('commit', { sends: [...to(q.one, 'a'), ...to(q.two, 'b'), ...to(q.three, 'c')], acks })
    expect(answer).toMatchObject({ state: 'Aborted', error: { code: 'QueueFull' } })
    expect(answer.error?.message).toMatch(`broker there: queue ${q.two} has no room for it`)
    expect([await texts(here, q.one), await texts(there, q.two), await texts(third, q.three)]).toEqual([[], ['x'], []])
    await nothingLeft()
    // Both come again.
    for (const [broker, queue] of [
      [here, q.from],
      [there, q.thereFrom],
    ] as const)
      expect((await (await broker.puller(queue)).one()).text).toBe('cause')
  })

  it('is refused for what the other broker would refuse a publish for, and for an acknowledgement that it does not know', async () => {
    expect(await tx.refused('commit', { sends: [{ queue: q.two, rest: 'key', body: 'a' }] })).toMatchObject({
      code: 'InvalidParameter',
      message: expect.stringContaining(`"q.${q.two}.key" is no subject of queue ${q.two}`),
    })
    const ack = await deliver(there, q.thereFrom)
    const other = ack.replace(/\.1\.1\.1\./, '.1.7.7.')
    expect(await tx.refused('commit', { sends: to(q.one, 'a'), acks: [other] })).toMatchObject({
      code: 'AckRefused',
      message: `broker there: message 7 of queue ${q.thereFrom} was not delivered`,
    })
    expect(await texts(here, q.one)).toEqual([])
    await nothingLeft()
  })
})

it('sends that come later wait in the other broker, from when it hears of the commit, also over its end', async () => {
  const wait = (text: string): object => ({ headers: { 'Pillion-Delay': text } })
  const sends = [...to(q.two, 'now'), ...to(q.two, 'soon').map((send) => ({ ...send, ...wait('300ms') }))]
  const { queues } = await tx.ask('commit', { sends: [...sends, ...to(q.one, 'a')] })
  expect(queues).toEqual({
    [q.one]: { sends: 1, first: 1, last: 1 },
    [q.two]: { sends: 1, first: 1, last: 1 },
    [`delay.${q.two}`]: { sends: 1, first: expect.any(Number), last: expect.any(Number) },
  })
  await eventually(async () => expect(await texts(there, q.two)).toEqual(['now', 'soon']))
  const { id, secret } = await prepared(to(q.two, 'later').map((send) => ({ ...send, ...wait('10ms') })))
  await there.sidecar.kill()
  expect(await tx.ask('commit', { id, secret })).toMatchObject({ state: 'Committing' })
  await restart(there)
  await namespace.tell()
  await nothingLeft()
  await eventually(async () => expect(await texts(there, q.two)).toEqual(['now', 'soon', 'later']))
  const refused = await tx.refused('commit', { sends: [{ queue: q.two, rest: 'key', ...wait('1s') }] })
  expect(refused).toMatchObject({ code: 'InvalidParameter', message: expect.stringContaining('broker there: ') })
})

describe('in steps', () => {
  it('a broker that is away keeps nothing in a Queue of the one that has carried out its part', async () => {
    const { id, secret } = await prepared([...to(q.one, 'a'), ...to(q.two, 'b')])
    await there.sidecar.kill()
    expect(await tx.ask('commit', { id, secret })).toMatchObject({ state: 'Committing' })
    const message = await (await here.puller(q.one)).one()
    expect(await message.settle()).toBe('')
    await eventually(async () => expect(await texts(here, q.one)).toEqual([]))
    expect(await listed(here)).toMatchObject([{ id, state: 'Committing' }])
    await here.sidecar.kill()
    await restart(here)
    await restart(there)
    await namespace.tell()
    await nothingLeft()
    expect([await texts(here, q.one), await texts(there, q.two)]).toEqual([[], ['b']])
  })

  it('is shown by each broker, and what it acknowledges is held until it is committed', async () => {
    const ack = await deliver(there, q.thereFrom)
    const { id, secret } = await prepared([...to(q.one, 'a'), ...to(q.two, 'b')], [ack])
    expect(await listed(here)).toMatchObject([{ id, state: 'Prepared', queues: { [q.two]: { sends: 1 } } }])
    const [part] = await listed(there)
    expect(part).toMatchObject({
      id,
      coordinator: 'here',
      state: 'Prepared',
      queues: { [q.two]: { sends: 1 } },
      acks: 1,
    })
    expect(await (await there.puller(q.thereFrom)).fetch(1, 3000)).toEqual([])
    await until('it has asked', async () => (await listed(there))[0]?.reason?.includes('has not decided it yet'))
    expect([await texts(here, q.one), await texts(there, q.two)]).toEqual([[], []])
    expect(await tx.ask('commit', { id, secret })).toMatchObject({ state: 'Committed' })
    expect([await texts(here, q.one), await texts(there, q.two)]).toEqual([['a'], ['b']])
    await acknowledged(there, q.thereFrom)
    await nothingLeft()
  })

  it('is aborted in every broker, and what it acknowledges is given back', async () => {
    const ack = await deliver(there, q.thereFrom)
    const { id, secret } = await prepared([...to(q.one, 'a'), ...to(q.two, 'b')], [ack])
    expect(await tx.ask('abort', { id, secret })).toMatchObject({ state: 'Aborted' })
    expect(await (await there.puller(q.thereFrom)).one()).toMatchObject({ text: 'cause', attempt: 2 })
    expect([await texts(here, q.one), await texts(there, q.two)]).toEqual([[], []])
    await nothingLeft()
  })
})

describe('a broker that ends', () => {
  it('coordinator after the votes: it can be committed once it is there again', async () => {
    const ack = await deliver(there, q.thereFrom)
    const { id, secret } = await prepared([...to(q.one, 'a'), ...to(q.two, 'b')], [ack])
    await here.sidecar.kill()
    await until('the other cannot ask', async () => (await listed(there))[0]?.reason?.includes('does not answer'))
    await delay(2 * WINDOW_MS)
    await restart(here)
    // It knows no peers yet: it cannot be asked, nor reach the other.
    expect(await tx.ask('commit', { id, secret })).toMatchObject({ state: 'Committing' })
    await until('it says what it waits for', async () =>
      (await listed(here))[0]?.reason?.includes('waits to be told of the other brokers'),
    )
    expect(await texts(there, q.two)).toEqual([])
    await namespace.tell()
    await nothingLeft()
    expect([await texts(here, q.one), await texts(there, q.two)]).toEqual([['a'], ['b']])
    await acknowledged(there, q.thereFrom)
  })

  it('coordinator before the votes are in: the part that is prepared is aborted', async () => {
    // A participant that holds back its vote, so that nothing is decided.
    await there.nats.crash()
    const { id, secret = '' } = await tx.ask('begin', { timeout: '1h' })
    await tx.ask('send', { id, secret, from: 0, sends: [...to(q.one, 'a'), ...to(q.two, 'b'), ...to(q.three, 'c')] })
    expect(await tx.refused('commit', { id, secret })).toMatchObject({ code: 'BrokerNotReady' })
    expect(await listed(third)).toMatchObject([{ id, coordinator: 'here', state: 'Prepared' }])
    await here.sidecar.kill()
    await there.nats.start()
    await restart(here)
    await there.ready()
    await namespace.tell()
    await nothingLeft()
    expect((await here.api.request('GET', `/transactions/${id}`)).json).toMatchObject({ state: 'Aborted' })
    expect([await texts(here, q.one), await texts(there, q.two), await texts(third, q.three)]).toEqual([[], [], []])
  })

  it.each(['sidecar', 'server'] as const)(
    'participant after its vote (%s): it carries out what was decided meanwhile',
    async (victim) => {
      const ack = await deliver(there, q.thereFrom)
      const { id, secret } = await prepared([...to(q.one, 'a'), ...to(q.two, 'b', 'c')], [ack])
      await there.sidecar.kill()
      if (victim === 'server') await there.nats.crash()
      expect(await tx.ask('commit', { id, secret })).toMatchObject({ state: 'Committing' })
      await until('it says what it waits for', async () =>
        (await listed(here))[0]?.reason?.startsWith('broker there: '),
      )
      expect(await texts(here, q.one)).toEqual(['a'])
      // Others do not wait for it.
      expect(await tx.ask('commit', { sends: [...to(q.one, 'x'), ...to(q.three, 'y')] })).toMatchObject({
        state: 'Committed',
      })
      // And not longer than it takes itself, whatever window there is.
      await delay(2 * WINDOW_MS)
      if (victim === 'server') await there.nats.start()
      await restart(there)
      await namespace.tell()
      await nothingLeft()
      expect([await texts(here, q.one), await texts(there, q.two)]).toEqual([
        ['a', 'x'],
        ['b', 'c'],
      ])
      await acknowledged(there, q.thereFrom)
    },
  )

  it('participant that is away when it is asked to vote: not decided until it is there', async () => {
    await there.sidecar.kill()
    const request = { id: `away-${number}`, sends: [...to(q.one, 'a'), ...to(q.two, 'b')] }
    const refused = await tx.refused('commit', request)
    expect(refused.code).toBe('BrokerNotReady')
    expect(refused.message).toMatch(
      /^transaction away-\d+ is not decided: broker there: the sidecar at .* does not answer/,
    )
    expect(await tx.ask('commit', { sends: to(q.one, 'x') })).toMatchObject({ state: 'Committed' })
    await restart(there)
    await namespace.tell()
    const { state } = await until('it is decided', async () => {
      const answer = await tx.raw('commit', request)
      return 'id' in answer && answer
    })
    expect(state).toBe('Committed')
    await nothingLeft()
    expect([await texts(here, q.one), await texts(there, q.two)]).toEqual([['x', 'a'], ['b']])
  })
})

describe('a transaction in doubt', () => {
  const inDoubtOf = async (broker: TestBroker, queue: string): Promise<number | undefined> =>
    (await broker.api.get(queue)).transactionsInDoubt
  const counted = (broker: TestBroker): Promise<number | undefined> =>
    broker.api.metric('pillion_broker_transactions_in_doubt')
  const resolve = (broker: TestBroker, id: string, body: object) =>
    broker.api.request('POST', `/transactions/${id}/resolve`, {
      body: JSON.stringify({ decision: 'commit', ...body }),
    })

  it('is one whose producer is asked in vain, also in the other broker that has a part in it', async () => {
    const checkBack = { subject: 'pillion.check.nobody', firstAfter: '1s', interval: '1s', limit: 1 }
    const { id, secret = '' } = await tx.ask('begin', { checkBack })
    await tx.ask('send', { id, secret, from: 0, sends: [...to(q.one, 'a'), ...to(q.two, 'b')] })
    await tx.ask('ack', { id, secret, acks: [await deliver(there, q.thereFrom)] })
    expect(await tx.ask('prepare', { id, secret })).not.toHaveProperty('inDoubt')
    expect([await inDoubtOf(here, q.one), await inDoubtOf(there, q.two), await counted(there)]).toEqual([0, 0, 0])
    const told = `broker here has it in doubt: decide it there, with pillion tx resolve ${id} commit or abort`
    await eventually(async () =>
      expect(await listed(there)).toMatchObject([
        { id, state: 'Prepared', inDoubt: true, reason: expect.stringContaining(told) },
      ]),
    )
    expect(await listed(here)).toMatchObject([{ id, state: 'InDoubt', inDoubt: true }])
    for (const [broker, queue] of [
      [here, q.one],
      [there, q.two],
      [there, q.thereFrom],
    ] as const)
      expect([queue, await inDoubtOf(broker, queue)]).toEqual([queue, 1])
    expect([await inDoubtOf(here, q.from), await counted(there)]).toEqual([0, 1])
    expect((await resolve(here, id, {})).status).toBe(200)
    await nothingLeft()
    expect([await inDoubtOf(there, q.two), await counted(there)]).toEqual([0, 0])
  })

  it('is one that is decided, and whose participant is gone for good: it waits, over a restart, until somebody ends it without', async () => {
    const { id, secret } = await prepared([...to(q.one, 'a'), ...to(q.two, 'b'), ...to(q.three, 'c')])
    await there.sidecar.kill()
    expect(await tx.ask('commit', { id, secret })).toMatchObject({ state: 'Committing' })
    const since = expect.stringMatching(/^\d{4}-.*Z$/)
    await eventually(async () =>
      expect(await listed(here)).toMatchObject([
        {
          state: 'Committing',
          waits: [{ broker: 'there', since, reason: expect.stringContaining('does not answer') }],
        },
      ]),
    )
    // A broker that is only away is waited for.
    expect((await listed(here))[0]).not.toHaveProperty('inDoubt')
    expect(await inDoubtOf(here, q.one)).toBe(0)
    const refused = await resolve(here, id, { without: 'there' })
    expect(refused).toMatchObject({ status: 409, json: { error: { code: 'TransactionNotInDoubt', field: 'without' } } })
    expect(await resolve(here, id, { decision: 'abort', without: 'there' })).toMatchObject({ status: 400 })

    await tellOnly(here, 'third.one')
    await eventually(async () =>
      expect(await listed(here)).toMatchObject([
        {
          state: 'Committing',
          inDoubt: true,
          reason: expect.stringContaining(`pillion tx resolve ${id} commit --without there`),
          waits: [{ broker: 'there', since, reason: expect.stringContaining('there is no broker there') }],
        },
      ]),
    )
    expect([await inDoubtOf(here, q.one), await counted(here)]).toEqual([1, 1])
    const [before] = await listed(here)
    await here.sidecar.kill()
    await restart(here)
    expect((await listed(here))[0]).toMatchObject({
      state: 'Committing',
      waits: [{ since: before?.waits?.[0]?.since }],
    })
    await tellOnly(here, 'third.one')
    expect((await resolve(here, id, { without: 'third.one' })).status).toBe(409)
    const ended = {
      id,
      state: 'Committed',
      givenUp: ['there'],
      queues: { [q.one]: { first: 1 }, [q.two]: { sends: 1 } },
    }
    expect((await resolve(here, id, { without: 'there' })).json).toMatchObject(ended)
    expect((await resolve(here, id, { without: 'there' })).json).toMatchObject(ended)
    expect((await resolve(here, id, { without: 'third.one' })).status).toBe(409)
    expect((await here.api.request('GET', `/transactions/${id}`)).json).toMatchObject(ended)
    expect([await listed(here), await counted(here)]).toEqual([[], 0])
    expect([await texts(here, q.one), await texts(third, q.three)]).toEqual([['a'], ['c']])
    // It was not for good: what was decided is still carried out there.
    await restart(there)
    await namespace.tell()
    await nothingLeft()
    expect(await texts(there, q.two)).toEqual(['b'])
  })

  /** As the operator does when the QueueBrokers of the others are deleted. */
  const tellOnly = async (broker: TestBroker, name: string): Promise<void> => {
    const { url } = namespace.broker(name).sidecar
    const body = { self: 'here', brokers: [{ name, url, token: peerToken(TOKEN), queues: [q.three] }] }
    expect((await broker.api.request('PUT', '/peers', { body: JSON.stringify(body) })).status).toBe(200)
  }
})

describe('what sidecars ask of each other', () => {
  const ask = (broker: TestBroker, path: string, body: object, token = peerToken(TOKEN)) =>
    broker.api.request('POST', `/participations/${path}`, {
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    })

  it('is for who has the token of peers, or the broker’s own; that of peers opens nothing else', async () => {
    const body = { startedAt: 1 }
    expect((await ask(there, 'here/x/abort', body)).status).toBe(200)
    expect((await ask(there, 'here/x/abort', body, TOKEN)).status).toBe(200)
    expect((await ask(there, 'here/x/abort', body, 'another')).status).toBe(401)
    expect((await there.api.request('POST', '/participations/here/x/abort', { headers: {} })).status).toBe(401)
    for (const path of ['/queues', '/peers', '/transactions'])
      expect(
        (await there.api.request('GET', path, { headers: { authorization: `Bearer ${peerToken(TOKEN)}` } })).status,
      ).toBe(401)
  })

  it('a part that its coordinator knows nothing of is aborted, and not taken for committed', async () => {
    const id = `unknown-${number}`
    const part = { startedAt: 1, sends: to(q.two, 'a'), acks: [] }
    expect((await ask(there, `here/${id}/prepare`, part)).json).toMatchObject({ vote: 'yes' })
    expect((await ask(there, `here/${id}/prepare`, part)).json).toMatchObject({ vote: 'yes' })
    expect((await ask(there, `here/${id}/prepare`, { ...part, startedAt: 2 })).json).toMatchObject({
      vote: 'no',
      error: { code: 'TransactionIdTaken' },
    })
    expect((await ask(there, `here/${id}/commit`, { startedAt: 2 })).status).toBe(404)
    expect((await ask(there, `third.one/${id}/commit`, { startedAt: 1 })).status).toBe(404)
    expect((await ask(here, `there/${id}/ask`, { startedAt: 1, from: 'there' })).status).toBe(503)
    await nothingLeft()
    expect((await ask(there, `here/${id}/commit`, { startedAt: 1 })).status).toBe(404)
    expect((await ask(there, `here/${id}/prepare`, part)).json).toMatchObject({ vote: 'no' })
    expect(await texts(there, q.two)).toEqual([])
  })

  it('a part whose coordinator is gone for good is decided by hand, and no other', async () => {
    const id = `gone-${number}`
    const resolve = (body: object) =>
      there.api.request('POST', `/transactions/${id}/resolve`, {
        body: JSON.stringify({ decision: 'commit', ...body }),
      })
    const part = { startedAt: 1, sends: to(q.two, 'a'), acks: [await deliver(there, q.thereFrom)] }
    await ask(there, `gone/${id}/prepare`, part)
    await until('it says so', async () =>
      (await listed(there))[0]?.reason?.includes(
        'there is no broker gone among those that this broker was told of; decide',
      ),
    )
    expect(await listed(there)).toMatchObject([
      { inDoubt: true, reason: expect.stringContaining(`tx resolve ${id} commit or abort --coordinator gone`) },
    ])
    for (const queue of [q.two, q.thereFrom]) expect((await there.api.get(queue)).transactionsInDoubt).toBe(1)
    expect(await resolve({})).toMatchObject({ status: 404 })
    expect(await resolve({ coordinator: 'gone' })).toMatchObject({ status: 200, json: { id, state: 'Committed' } })
    expect(await resolve({ coordinator: 'gone' })).toMatchObject({ status: 404 })
    expect(await texts(there, q.two)).toEqual(['a'])
    await acknowledged(there, q.thereFrom)
    const { id: other, secret } = await prepared(to(q.two, 'b'))
    const refused = await there.api.request('POST', `/transactions/${other}/resolve`, {
      body: JSON.stringify({ decision: 'commit', coordinator: 'here' }),
    })
    expect(refused).toMatchObject({ status: 409, json: { error: { code: 'TransactionNotInDoubt' } } })
    await tx.ask('abort', { id: other, secret })
    await nothingLeft()
  })

  it('the same id in two brokers is two transactions', async () => {
    const id = `same-${number}`
    const other = new TransactionClient(await there.client())
    await Promise.all([
      tx.ask('commit', { id, sends: [...to(q.one, 'a'), ...to(q.two, 'b')] }),
      other.ask('commit', { id, sends: [...to(q.one, 'c'), ...to(q.two, 'd')] }),
    ])
    expect((await texts(here, q.one)).toSorted()).toEqual(['a', 'c'])
    expect((await texts(there, q.two)).toSorted()).toEqual(['b', 'd'])
    await nothingLeft()
  })
})
