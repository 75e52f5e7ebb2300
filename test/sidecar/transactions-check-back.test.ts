import { createServer, type IncomingMessage, type Server } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, TestBroker } from './harness.ts'
import { to, TransactionClient } from './harness/transactions.ts'

const retry = { visibilityTimeout: '3s', backoff: { initial: '10ms', jitterPercent: 0 } }
let broker: TestBroker
let tx: TransactionClient

beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
  tx = new TransactionClient(await broker.client())
  for (const queue of ['from', 'one', 'other']) await broker.api.put(queue, { retry })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const SOON = { firstAfter: '1s', interval: '1s', limit: 2 }

/** Prepares a transaction that sends its id to `one`, and is not heard of again; what it consumed. */
async function leaves(id: string, checkBack: object): Promise<{ id: string; secret: string; cause: string }> {
  await broker.publish('from', id)
  const delivery = await (await broker.puller('from')).one()
  const { secret = '' } = await tx.ask('begin', { id, timeout: '1s', checkBack })
  await tx.ask('send', { id, secret, from: 0, sends: to('one', id) })
  await tx.ask('ack', { id, secret, acks: [delivery.reply] })
  expect(await tx.ask('prepare', { id, secret })).toMatchObject({ state: 'Prepared' })
  return { id, secret, cause: delivery.text }
}

const shows = async (id: string): Promise<unknown> => (await broker.api.request('GET', `/transactions/${id}`)).json
const becomes = (id: string, state: string): Promise<void> =>
  eventually(async () => expect(await shows(id)).toMatchObject({ id, state }))
const isThere = async (id: string): Promise<boolean> =>
  (await broker.admin.messages('one')).some((message) => message.text === id)
const resolve = (id: string, decision: string) =>
  broker.api.request('POST', `/transactions/${id}/resolve`, { body: JSON.stringify({ decision }) })
const inDoubt = (): Promise<number | undefined> => broker.api.metric('pillion_broker_transactions_in_doubt')
/** As the operator is told of each Queue, whether it declares it again or only looks. */
async function inDoubtByQueue(): Promise<Record<string, number | undefined>> {
  const observed = [await broker.api.put('from', { retry }), await broker.api.get('one'), await broker.api.get('other')]
  return Object.fromEntries(observed.map(({ name, transactionsInDoubt }) => [name, transactionsInDoubt]))
}

/** A producer that is asked by HTTP; it answers what `answer` says of each question. */
async function asked(
  answer: (question: string, request: IncomingMessage) => { status?: number; body: string } | undefined,
): Promise<AsyncDisposable & { url: string; questions: string[] }> {
  const questions: string[] = []
  const server: Server = createServer((request, response) => {
    void text(request).then((question) => {
      questions.push(question)
      const said = answer(question, request)
      if (said === undefined) return
      response.writeHead(said.status ?? 200)
      response.end(said.body)
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it listens on no port')
  return {
    url: `http://127.0.0.1:${address.port}/check`,
    questions,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise<void>((done) => server.close(() => done()))
    },
  }
}

describe('a producer that is gone is asked, by NATS', () => {
  it('and says commit, or abort', async () => {
    const answers = new Map([
      ['said-commit', 'commit'],
      ['said-abort', 'abort'],
    ])
    const questions: unknown[] = []
    const producer = await broker.client()
    producer.subscribe('pillion.check.shop', {
      callback: (_, message) => {
        const question: { id: string } = message.json()
        questions.push(question)
        message.respond(JSON.stringify({ answer: answers.get(question.id) }))
      },
    })
    await producer.flush()
    await leaves('said-commit', { ...SOON, subject: 'pillion.check.shop' })
    await becomes('said-commit', 'Committed')
    expect(questions).toEqual([{ id: 'said-commit', startedAt: expect.stringMatching(/^\d{4}-.*Z$/) }])
    expect(await isThere('said-commit')).toBe(true)
    await leaves('said-abort', { ...SOON, subject: 'pillion.check.shop' })
    await becomes('said-abort', 'Aborted')
    expect(await isThere('said-abort')).toBe(false)
    // What it consumed is delivered again, and what the other consumed is not.
    const again = await (await broker.puller('from')).one()
    expect(again.text).toBe('said-abort')
    await again.settle()
    await producer.close()
    expect(await broker.api.metric('pillion_broker_check_backs_total', { answer: 'commit' })).toBe(1)
  })
})

describe('a producer that is gone is asked, by HTTP', () => {
  it('until it knows', async () => {
    const said = [
      { status: 500, body: '{"answer":"abort"}' },
      { body: 'abort' },
      { body: '{"answer":"unknown"}' },
      { body: '{"answer":"commit"}' },
    ]
    await using producer = await asked((_, { method }) => (method === 'POST' ? said.shift() : undefined))
    await leaves('by-http', { ...SOON, limit: 10, url: producer.url })
    await becomes('by-http', 'Committed')
    expect(producer.questions.map((question) => JSON.parse(question))).toEqual(
      Array.from({ length: 4 }, () => ({ id: 'by-http', startedAt: expect.any(String) })),
    )
    expect(await isThere('by-http')).toBe(true)
  })

  it('after a restart too, and is not waited for for long', async () => {
    let known = false
    await using producer = await asked(() => (known ? { body: '{"answer":"commit"}' } : undefined))
    await leaves('silent', { ...SOON, limit: 100, url: producer.url })
    await eventually(() => expect(producer.questions.length).toBeGreaterThan(1))
    await broker.sidecar.kill()
    await broker.sidecar.start()
    await broker.ready()
    const before = producer.questions.length
    await eventually(() => expect(producer.questions.length).toBeGreaterThan(before))
    expect(await shows('silent')).toMatchObject({ state: 'Prepared', checkBack: { url: producer.url, limit: 100 } })
    known = true
    await becomes('silent', 'Committed')
  })
})

describe('who says nothing so often', () => {
  it.each(['commit', 'abort'])('leaves it in doubt, over restarts, until somebody says %s', async (decision) => {
    const id = `doubt-${decision}`
    const { secret } = await leaves(id, { ...SOON, subject: 'pillion.check.nobody' })
    expect(await resolve(id, decision)).toMatchObject({
      status: 409,
      json: { error: { code: 'TransactionNotInDoubt' } },
    })
    await becomes(id, 'InDoubt')
    expect(await shows(id)).toMatchObject({
      reason: expect.stringMatching(/asked 2 times.*no responders.*pillion tx resolve/i),
      checkBack: { subject: 'pillion.check.nobody', asked: 2, limit: 2 },
    })
    expect(await inDoubt()).toBe(1)
    expect(await inDoubtByQueue()).toEqual({ from: 1, one: 1, other: 0 })
    await broker.sidecar.kill()
    await broker.nats.crash()
    await broker.nats.start()
    await broker.sidecar.start()
    await broker.ready()
    // Long past its timeout, and longer than what it consumed would be kept from others.
    expect(await (await broker.puller('from')).fetch(1, 5000)).toEqual([])
    expect(await shows(id)).toMatchObject({ state: 'InDoubt' })
    expect(await inDoubtByQueue()).toEqual({ from: 1, one: 1, other: 0 })
    expect(await isThere(id)).toBe(false)
    expect(await tx.refused('resolve', { id, secret, decision })).toMatchObject({ code: 'InvalidParameter' })
    const end = decision === 'commit' ? 'Committed' : 'Aborted'
    expect(await resolve(id, decision)).toMatchObject({ status: 200, json: { id, state: end } })
    expect(await resolve(id, decision)).toMatchObject({ status: 200, json: { id, state: end } })
    const other = decision === 'commit' ? 'abort' : 'commit'
    expect(await resolve(id, other)).toMatchObject({ status: 409, json: { error: { code: 'TransactionEnded' } } })
    expect(await isThere(id)).toBe(decision === 'commit')
    expect(await inDoubt()).toBe(0)
    expect(await inDoubtByQueue()).toEqual({ from: 0, one: 0, other: 0 })
    const left = await (await broker.puller('from')).fetch(1, 1000)
    expect(left.map((delivery) => delivery.text)).toEqual(decision === 'commit' ? [] : [id])
    for (const delivery of left) await delivery.settle()
  })

  it('may still decide itself', async () => {
    const named = await leaves('late', { ...SOON, limit: 1, subject: 'pillion.check.nobody' })
    await becomes('late', 'InDoubt')
    const { id, secret } = named
    expect(await tx.ask('commit', { id, secret })).toMatchObject({ state: 'Committed' })
  })
})

it.each([
  [{}, 'checkBack', 'needs a subject or a url, and not both'],
  [{ subject: 'pillion.check.a', url: 'http://a' }, 'checkBack', 'needs a subject or a url, and not both'],
  [{ subject: 'shop.check' }, 'checkBack.subject', 'write pillion.check.<name>'],
  [{ subject: 'pillion.check.*' }, 'checkBack.subject', 'write pillion.check.<name>'],
  [{ subject: 'pillion.check.' }, 'checkBack.subject', 'write pillion.check.<name>'],
  [{ url: 'ftp://a/b' }, 'checkBack.url', 'write an http:// or https:// URL'],
  [{ url: 'nowhere' }, 'checkBack.url', 'write an http:// or https:// URL'],
  [{ url: 'http://u:p@a/b' }, 'checkBack.url', 'may have no user and password'],
  [{ url: 'http://a', interval: '500ms' }, 'checkBack.interval', 'write a duration from 1s to 24h'],
  [{ url: 'http://a', firstAfter: 'soon' }, 'checkBack.firstAfter', 'write a duration from 1s to 24h'],
  [{ url: 'http://a', limit: 0 }, 'checkBack.limit', 'checkBack.limit'],
  [{ url: 'http://a', every: '1s' }, 'checkBack', 'every'],
])('refuses %j', async (checkBack, field, message) => {
  expect(await tx.refused('begin', { checkBack })).toMatchObject({
    code: 'InvalidParameter',
    field,
    message: expect.stringContaining(message),
  })
})

it('a decision that is none is refused', async () => {
  expect(await resolve('late', 'maybe')).toMatchObject({ status: 400, json: { error: { field: 'decision' } } })
  expect(await resolve('never', 'commit')).toMatchObject({ status: 404 })
})
