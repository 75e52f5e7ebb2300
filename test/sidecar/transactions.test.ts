import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, numbered, TestBroker } from './harness.ts'
import { to, TransactionClient } from './harness/transactions.ts'

let broker: TestBroker
let tx: TransactionClient

beforeAll(async () => {
  broker = await TestBroker.start()
  tx = new TransactionClient(await broker.client())
  const soon = { visibilityTimeout: '1s', backoff: { initial: '10ms', jitterPercent: 0 } }
  for (const queue of ['from', 'one', 'two']) await broker.api.put(queue, { retry: soon })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const texts = async (queue: string): Promise<string[]> => (await broker.admin.messages(queue)).map(({ text }) => text)
const empty = async (...queues: string[]): Promise<void> => {
  for (const queue of queues) await broker.admin.manager.streams.purge(queue)
}
const nothingLeft = (): Promise<void> => eventually(async () => expect(await broker.admin.transactionWords()).toBe(0))

describe('everything at once', () => {
  it('sends to two queues and acknowledges what led to it', async () => {
    await broker.publish('from', 'cause')
    const puller = await broker.puller('from')
    const cause = await puller.one()
    const done = await tx.ask('commit', {
      id: 'both',
      sends: [...to('one', 'a', 'b'), ...to('two', 'c')],
      acks: [cause.reply],
    })
    expect(done).toMatchObject({ id: 'both', state: 'Committed', acks: 1 })
    const { last_seq: last } = (await broker.admin.stream('one')).state
    expect(done.queues.one).toEqual({ sends: 2, first: last - 1, last })
    expect([await texts('one'), await texts('two')]).toEqual([['a', 'b'], ['c']])
    await eventually(async () =>
      expect((await broker.api.get('from')).messages).toMatchObject({ ready: 0, inFlight: 0 }),
    )
    expect((await broker.admin.messages('one'))[0]?.headers).toMatchObject({ 'Pillion-Transaction': 'both/one' })
    await nothingLeft()
    expect(await puller.fetch(1, 1500)).toEqual([])
    await empty('one', 'two')
  })

  it('asked for again with the same id, is done once', async () => {
    const request = { id: 'again', sends: to('one', 'a') }
    const first = await tx.ask('commit', request)
    const both = await Promise.all([tx.ask('commit', request), tx.ask('commit', request)])
    expect(both).toEqual([first, first])
    expect(await texts('one')).toEqual(['a'])
    expect(await tx.refused('commit', { ...request, sends: to('one', 'other') })).toMatchObject({
      code: 'TransactionIdTaken',
      field: 'id',
    })
    expect(await texts('one')).toEqual(['a'])
    await empty('one')
  })

  it('asked for twice at the same time, is done once', async () => {
    const request = { id: 'twins', sends: to('one', 'a') }
    const [a, b] = await Promise.all([tx.ask('commit', request), tx.ask('commit', request)])
    expect(a).toEqual(b)
    expect(await texts('one')).toEqual(['a'])
    await empty('one')
  })

  it('takes 1,000 sends to a queue, in order', async () => {
    const done = await tx.ask('commit', { sends: to('one', ...numbered(1000)) })
    expect(done).toMatchObject({ state: 'Committed' })
    expect(await texts('one')).toEqual(numbered(1000))
    await empty('one')
  })

  it('leaves out what a queue has already, by its Nats-Msg-Id', async () => {
    const js = await broker.js()
    await js.publish('q.one', 'before', { msgID: 'known' })
    const sends = ['known', 'fresh', 'fresh'].map((id) => ({ queue: 'one', body: id, headers: { 'Nats-Msg-Id': id } }))
    const done = await tx.ask('commit', { sends })
    expect(done.queues.one).toMatchObject({ sends: 3, duplicates: 2 })
    expect(await texts('one')).toEqual(['before', 'fresh'])
    expect((await js.publish('q.one', 'later', { msgID: 'fresh' })).duplicate).toBe(true)
    await empty('one')
  })

  it('keeps headers, with several values and base64 bodies', async () => {
    const body = Buffer.from([0, 255, 1]).toString('base64')
    await tx.ask('commit', { sends: [{ queue: 'one', body, encoding: 'base64', headers: { a: 'x', 'b-c': ['y'] } }] })
    const [message] = await broker.admin.messages('one')
    expect(message?.headers).toMatchObject({ a: 'x', 'b-c': 'y' })
    expect([...(message?.data ?? [])]).toEqual([0, 255, 1])
    await empty('one')
  })
})

describe('in steps', () => {
  it.each([1, 2])(
    'leaves out what somebody else published between prepare and commit, and sends the other %d',
    async (others) => {
      const named = { id: `between-${others}`, secret: 'of a test, long enough' }
      const bodies = Array.from({ length: others }, (_, at) => `other-${at}`)
      const same = { queue: 'one', body: 'mine', headers: { 'Nats-Msg-Id': named.id } }
      await tx.ask('begin', named)
      await tx.ask('send', { ...named, from: 0, sends: [same, ...to('one', ...bodies)] })
      await tx.ask('prepare', named)
      await (await broker.js()).publish('q.one', 'theirs', { msgID: named.id })
      const done = await tx.ask('commit', named)
      expect(done).toMatchObject({ state: 'Committed', queues: { one: { sends: others + 1, duplicates: 1 } } })
      expect(await texts('one')).toEqual(['theirs', ...bodies])
      await empty('one')
    },
  )

  it('shows nothing before it is committed, and keeps what it acknowledges from being delivered again', async () => {
    await broker.publish('from', 'cause')
    const puller = await broker.puller('from')
    const cause = await puller.one()
    const { secret } = await tx.ask('begin', { id: 'steps', timeout: '1m' })
    const named = { id: 'steps', secret }
    await tx.ask('send', { ...named, from: 0, sends: to('one', 'a') })
    await tx.ask('send', { ...named, from: 0, sends: to('one', 'a') })
    await tx.ask('send', { ...named, from: 1, sends: to('two', 'b') })
    await tx.ask('ack', { ...named, acks: [cause.reply] })
    await tx.ask('ack', { ...named, acks: [cause.reply] })
    expect(await puller.fetch(1, 2500)).toEqual([])
    expect(await tx.ask('prepare', named)).toMatchObject({ state: 'Prepared', acks: 1 })
    expect(await tx.ask('prepare', named)).toMatchObject({ state: 'Prepared' })
    expect(await puller.fetch(1, 2500)).toEqual([])
    expect(await cause.settle()).toMatch(/transaction steps acknowledges it/)
    expect([await texts('one'), await texts('two')]).toEqual([[], []])
    expect(await tx.ask('commit', named)).toMatchObject({ state: 'Committed' })
    expect(await tx.ask('commit', named)).toMatchObject({ state: 'Committed' })
    expect([await texts('one'), await texts('two')]).toEqual([['a'], ['b']])
    expect(await puller.fetch(1, 2500)).toEqual([])
    await nothingLeft()
    await empty('one', 'two')
  })

  it('aborted, has sent nothing, and what it acknowledged is delivered again', async () => {
    await broker.publish('from', 'cause')
    const puller = await broker.puller('from')
    const cause = await puller.one()
    const { secret } = await tx.ask('begin', { id: 'aborted' })
    const named = { id: 'aborted', secret }
    await tx.ask('send', { ...named, from: 0, sends: to('one', 'a') })
    await tx.ask('ack', { ...named, acks: [cause.reply] })
    await tx.ask('prepare', named)
    expect(await tx.ask('abort', named)).toMatchObject({ state: 'Aborted', reason: 'its client aborted it' })
    expect(await tx.ask('abort', named)).toMatchObject({ state: 'Aborted' })
    const again = await puller.one()
    expect([again.text, again.attempt]).toEqual(['cause', 2])
    expect(await again.settle()).toBe('')
    expect(await tx.refused('commit', named)).toMatchObject({ code: 'TransactionEnded' })
    expect(await texts('one')).toEqual([])
    await nothingLeft()
  })

  it('is aborted past its timeout', async () => {
    await broker.publish('from', 'cause')
    const puller = await broker.puller('from')
    const cause = await puller.one()
    const { secret } = await tx.ask('begin', { id: 'late', timeout: '200ms' })
    const named = { id: 'late', secret }
    await tx.ask('send', { ...named, from: 0, sends: to('one', 'a') })
    await tx.ask('ack', { ...named, acks: [cause.reply] })
    await tx.ask('prepare', named)
    await eventually(async () => {
      const { json } = await broker.api.request('GET', '/transactions/late')
      expect(json).toMatchObject({ state: 'Aborted', reason: 'nothing was decided within its timeout' })
    })
    expect(await (await puller.one()).settle()).toBe('')
    expect(await texts('one')).toEqual([])
  })

  it('is known by its secret', async () => {
    await tx.ask('begin', { id: 'mine', secret: 'a secret of my own' })
    const stolen = { id: 'mine', secret: 'a secret of another' }
    expect(await tx.refused('begin', stolen)).toMatchObject({ code: 'TransactionIdTaken' })
    expect(await tx.refused('commit', { id: 'mine', sends: to('one', 'a') })).toMatchObject({
      code: 'TransactionIdTaken',
    })
    for (const verb of ['prepare', 'commit', 'abort'])
      expect(await tx.refused(verb, stolen)).toMatchObject({ code: 'TransactionNotYours', field: 'secret' })
    expect(await tx.refused('send', { ...stolen, from: 0, sends: to('one', 'a') })).toMatchObject({
      code: 'TransactionNotYours',
    })
    const { json } = await broker.api.request('GET', '/transactions/mine')
    expect(json).toMatchObject({ state: 'Open', queues: {} })
    expect(JSON.stringify(json)).not.toContain('secret')
    expect(await tx.ask('begin', { id: 'mine', secret: 'a secret of my own' })).toMatchObject({ state: 'Open' })
    await tx.ask('abort', { id: 'mine', secret: 'a secret of my own' })
  })
})

describe('is refused, and nothing is changed:', () => {
  const sends = to('one', 'a')

  it.each([
    ['no JSON', '{', { code: 'InvalidJson' }],
    ['nothing to do', { sends: [] }, { code: 'InvalidParameter', field: 'sends' }],
    ['a field that there is not', { sends, deliver: true }, { code: 'InvalidParameter' }],
    ['an id of other characters', { id: 'a.b', sends }, { code: 'InvalidParameter', field: 'id' }],
    ['an unknown queue', { sends: [...sends, ...to('none', 'b')] }, { code: 'QueueNotFound', field: 'sends[1].queue' }],
    [
      'a rest that the mode has no use for',
      { sends: [{ queue: 'one', rest: 'k' }] },
      { code: 'InvalidParameter', field: 'sends[0].rest' },
    ],
    ['a wildcard', { sends: [{ queue: 'one', rest: '>' }] }, { code: 'InvalidParameter', field: 'sends[0].rest' }],
    [
      'a delay that is none',
      { sends: [{ queue: 'one', headers: { 'Pillion-Delay': 'soon' } }] },
      { code: 'InvalidParameter', field: 'sends[0].headers' },
    ],
    [
      'two times',
      { sends: [{ queue: 'one', headers: { 'Pillion-Delay': '1s', 'pillion-at': '2027-01-31T09:00:00Z' } }] },
      { code: 'InvalidParameter', field: 'sends[0].headers' },
    ],
    [
      'what takes back a delayed message',
      { sends: [{ queue: 'one', headers: { 'Pillion-Cancel': '1' } }] },
      { code: 'InvalidParameter', field: 'sends[0].headers' },
    ],
    [
      'a rest that the mode has no use for, later',
      { sends: [{ queue: 'one', rest: 'k', headers: { 'Pillion-Delay': '1s' } }] },
      { code: 'InvalidParameter', field: 'sends[0].rest' },
    ],
    [
      'what is oversize as it waits',
      { sends: [{ queue: 'one', headers: { 'Pillion-Delay': '1s' }, body: 'x'.repeat(1024 * 1024 - 540) }] },
      { code: 'MessageTooLarge', field: 'sends[0].body' },
    ],
    [
      'a header of the batch',
      { sends: [{ queue: 'one', headers: { 'Nats-Batch-Id': 'x' } }] },
      { code: 'InvalidParameter', field: 'sends[0].headers' },
    ],
    [
      'an expectation',
      { sends: [{ queue: 'one', headers: { 'Nats-Expected-Last-Sequence': '0' } }] },
      { code: 'InvalidParameter' },
    ],
    [
      'a forged mark',
      { sends: [{ queue: 'one', headers: { 'pillion-transaction': 'x' } }] },
      { code: 'InvalidParameter' },
    ],
    [
      'a TTL that is none',
      { sends: [{ queue: 'one', headers: { 'Nats-TTL': '1ms' } }] },
      { code: 'InvalidParameter', field: 'sends[0].headers' },
    ],
    [
      'a header that spans lines',
      { sends: [{ queue: 'one', headers: { a: 'b\r\nc: d' } }] },
      { code: 'InvalidParameter' },
    ],
    [
      'a body that is not base64',
      { sends: [{ queue: 'one', body: '???', encoding: 'base64' }] },
      { code: 'InvalidParameter', field: 'sends[0].body' },
    ],
    [
      'an oversize message',
      { sends: to('one', 'x'.repeat(1024 * 1024)) },
      { code: 'MessageTooLarge', field: 'sends[0].body' },
    ],
    ['1,001 sends', { sends: to('one', ...numbered(1001)) }, { code: 'TransactionTooLarge', field: 'sends' }],
    [
      'too much together',
      { sends: to('one', ...numbered(5).map((n) => n + 'x'.repeat(900 * 1024))) },
      { code: 'TransactionTooLarge', field: 'sends' },
    ],
    ['an acknowledgement that is none', { sends, acks: ['q.one'] }, { code: 'InvalidParameter', field: 'acks[0]' }],
    [
      'one of an unknown queue',
      { sends, acks: ['$JS.ACK.none.workers_fifo.1.1.1.1764000000000000000.0'] },
      { code: 'QueueNotFound', field: 'acks[0]' },
    ],
    [
      'one of an unknown consumer',
      { sends, acks: ['$JS.ACK.one.others.1.1.1.1999000000000000000.0'] },
      { code: 'AckRefused', field: 'acks' },
    ],
    [
      'one of a message that was not delivered',
      { sends, acks: ['$JS.ACK.one.workers_fifo.1.999999.1.1999000000000000000.0'] },
      { code: 'AckRefused', field: 'acks' },
    ],
  ])('%s', async (_, request, wanted) => {
    const error = await tx.refused('commit', request)
    expect(error).toMatchObject(wanted)
    expect(error.message.length).toBeGreaterThan(10)
    expect(await texts('one')).toEqual([])
    await nothingLeft()
  })

  it('what is asked for by a verb that there is not', async () => {
    expect(await tx.refused('rollback', {})).toMatchObject({ code: 'InvalidParameter' })
  })

  it('a timeout that is none', async () => {
    expect(await tx.refused('begin', { timeout: 'soon' })).toMatchObject({ code: 'InvalidParameter', field: 'timeout' })
  })

  it('a transaction that was never begun', async () => {
    expect(await tx.refused('commit', { id: 'never', secret: 'x'.repeat(16) })).toMatchObject({
      code: 'TransactionNotFound',
    })
  })

  it('sends after prepare', async () => {
    const { id, secret } = await tx.ask('begin', {})
    await tx.ask('send', { id, secret, from: 0, sends })
    await tx.ask('prepare', { id, secret })
    expect(await tx.refused('send', { id, secret, from: 1, sends })).toMatchObject({ code: 'TransactionEnded' })
    await tx.ask('abort', { id, secret })
  })

  it('other sends at the same place', async () => {
    const { id, secret } = await tx.ask('begin', {})
    await tx.ask('send', { id, secret, from: 0, sends })
    expect(await tx.refused('send', { id, secret, from: 0, sends: to('one', 'b') })).toMatchObject({ field: 'from' })
    expect(await tx.refused('send', { id, secret, from: 7, sends })).toMatchObject({ field: 'from' })
    await tx.ask('abort', { id, secret })
  })

  it('the acknowledgement of what is settled, and of what another transaction acknowledges', async () => {
    await broker.publish('from', 'cause', 'other')
    const puller = await broker.puller('from')
    const [cause, other] = await puller.take(2)
    await cause?.settle()
    const settled = await tx.refused('commit', { id: 'settled', sends, acks: [cause?.reply] })
    expect(settled).toMatchObject({ code: 'AckRefused' })
    expect(settled.message).toMatch(/settled already/)
    const { id, secret } = await tx.ask('begin', {})
    await tx.ask('ack', { id, secret, acks: [other?.reply] })
    const held = await tx.refused('commit', { sends, acks: [other?.reply] })
    expect(held.message).toContain(`held by transaction ${id}`)
    await tx.ask('commit', { id, secret })
    expect(await texts('one')).toEqual([])
    const { json } = await broker.api.request('GET', '/transactions/settled')
    expect(json).toMatchObject({ state: 'Aborted', error: { code: 'AckRefused' } })
    await eventually(async () =>
      expect((await broker.api.get('from')).messages).toMatchObject({ ready: 0, inFlight: 0 }),
    )
  })

  it('more than a queue has room for', async () => {
    await broker.api.put('small', { retention: { maxMessages: 3 } })
    await broker.publish('small', 'x', 'y')
    const full = await tx.refused('commit', { sends: [...sends, ...to('small', 'a', 'b')] })
    expect(full).toMatchObject({ code: 'QueueFull' })
    expect(await tx.refused('commit', { sends: to('small', ...numbered(4)) })).toMatchObject({
      code: 'TransactionTooLarge',
    })
    expect([await texts('one'), await texts('small')]).toEqual([[], ['x', 'y']])
    expect(await tx.ask('commit', { sends: to('small', 'a') })).toMatchObject({ state: 'Committed' })
  })
})

describe('a queue that becomes full after it was prepared', () => {
  it('is waited for', async () => {
    await broker.api.put('tight', { retention: { maxMessages: 2 } })
    const { id, secret } = await tx.ask('begin', {})
    await tx.ask('send', { id, secret, from: 0, sends: [...to('tight', 'a', 'b'), ...to('one', 'c')] })
    await tx.ask('prepare', { id, secret })
    await broker.publish('tight', 'x')
    expect(await tx.ask('commit', { id, secret })).toMatchObject({ state: 'Committing', reason: /maximum messages/ })
    await empty('tight')
    await eventually(async () => {
      const { json } = await broker.api.request('GET', `/transactions/${id}`)
      expect(json).toMatchObject({ state: 'Committed' })
    })
    expect([await texts('tight'), await texts('one')]).toEqual([['a', 'b'], ['c']])
    await empty('one')
  })
})

describe.each([
  ['KeyedFifo', { ordering: { mode: 'KeyedFifo' } }, ['k1', 'k2', 'k1']],
  ['Priority', { ordering: { mode: 'Priority' } }, ['9', '', '0']],
  ['Lru', { ordering: { mode: 'Lru' } }, ['k1', 'k2', 'k3']],
  ['Hierarchical', { type: 'Hierarchical' }, ['a', 'a.b', 'c']],
  ['Exclusive', { type: 'Exclusive' }, ['', '', '']],
  ['strict', { ordering: { mode: 'Fifo', strict: true } }, ['', '', '']],
])('in mode %s', (mode, spec, rests) => {
  it('what is sent is delivered, what is acknowledged is not delivered again, and the ledger balances', async () => {
    const queue = `m${mode.toLowerCase()}`
    await broker.api.put(queue, { ...spec, retry: { visibilityTimeout: '1s' } })
    const sends = rests.map((rest, index) => ({ queue, rest, body: `${index}` }))
    expect(await tx.ask('commit', { sends })).toMatchObject({ state: 'Committed' })
    const puller = await broker.puller(queue)
    const seen: string[] = []
    for (let count = 0; count < rests.length; count++) {
      const delivery = await puller.one()
      seen.push(delivery.text)
      const done = await tx.ask('commit', { sends: to('two', delivery.text), acks: [delivery.reply] })
      expect(done).toMatchObject({ state: 'Committed' })
    }
    expect(seen.toSorted()).toEqual(['0', '1', '2'])
    expect(await puller.fetch(1, 1500)).toEqual([])
    expect((await texts('two')).toSorted()).toEqual(['0', '1', '2'])
    await eventually(async () => {
      expect(await broker.api.ledger(queue)).toMatchObject({ accepted: 3, acknowledged: 3, unaccounted: 0 })
    })
    await empty('two')
  })
})

describe('over HTTP', () => {
  it('is the same, with the status of what it is refused for', async () => {
    const post = (path: string, body: unknown): ReturnType<TestBroker['api']['request']> =>
      broker.api.request('POST', path, { body: JSON.stringify(body) })
    const done = await post('/transactions', { id: 'http', sends: to('one', 'a') })
    expect([done.status, done.json]).toMatchObject([200, { id: 'http', state: 'Committed' }])
    const begun = await post('/transactions/web/begin', { secret: 'a secret of my own' })
    expect([begun.status, begun.json]).toMatchObject([200, { id: 'web', state: 'Open' }])
    const named = { secret: 'a secret of my own' }
    await post('/transactions/web/send', { ...named, from: 0, sends: to('one', 'b') })
    expect((await broker.api.request('GET', '/transactions')).json).toMatchObject({ transactions: [{ id: 'web' }] })
    expect((await post('/transactions/web/commit', named)).json).toMatchObject({ state: 'Committed' })
    expect(await texts('one')).toEqual(['a', 'b'])
    const statuses = [
      await post('/transactions', {}),
      await post('/transactions', { sends: to('none', 'a') }),
      await post('/transactions/web/abort', { secret: 'a secret of another' }),
      await post('/transactions/web/abort', named),
      await post('/transactions/web/undo', named),
      await broker.api.request('GET', '/transactions/never'),
      await broker.api.request('GET', '/transactions', { headers: {} }),
    ].map(({ status }) => status)
    expect(statuses).toEqual([400, 404, 403, 409, 400, 404, 401])
    await empty('one')
  })
})
