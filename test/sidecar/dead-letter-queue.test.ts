import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually, numbered, TestBroker, until } from './harness.ts'

let broker: TestBroker
let number = 0
let failing = ''
let failed = ''

beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
})
afterAll(() => broker?.[Symbol.asyncDispose]())
beforeEach(() => {
  failing = `failing${++number}`
  failed = `failed${number}`
})

const SMALL = { retention: { maxBytes: '16Mi' }, deadLetter: { maxBytes: '16Mi' } }
const declareFailing = (more: object = {}): Promise<unknown> =>
  broker.api.put(failing, { ...SMALL, ...more, deadLetter: { maxBytes: '16Mi', queueRef: { name: failed } } })

/** Publishes messages and refuses them. */
async function fail(...texts: string[]): Promise<void> {
  await broker.publish(failing, ...texts)
  const puller = await broker.puller(failing)
  for (const message of await puller.take(texts.length)) expect(await message.settle('+TERM no good')).toBe('')
}

const left = async (queue: string): Promise<number> => (await broker.api.get(queue)).messages.deadLettered

describe('with deadLetter.queueRef dead letters go to another Queue', () => {
  it('in their order, with what they were and why, and both ledgers balance', async () => {
    await broker.api.put(failed, SMALL)
    await declareFailing()
    await fail(...numbered(20))
    const puller = await broker.puller(failed)
    const got = await puller.take(20)
    expect(got.map(({ text }) => text)).toEqual(numbered(20))
    const [first] = await broker.admin.messages(failed)
    expect(first?.headers).toMatchObject({
      'Pillion-Dead-Letter-Reason': 'rejected',
      'Pillion-Dead-Letter-Queue': failing,
      'Pillion-Dead-Letter-Subject': `q.${failing}`,
      'Pillion-Dead-Letter-Error': 'no good',
      'Pillion-Dead-Letter-Attempts': '1',
    })
    await Promise.all(got.map((message) => message.settle()))
    expect(await left(failing)).toBe(0)
    expect(await broker.api.ledger(failing)).toMatchObject({ accepted: 20, deadLettered: 20, ready: 0, unaccounted: 0 })
    expect(await broker.api.ledger(failed)).toMatchObject({ accepted: 20, acknowledged: 20, unaccounted: 0 })
    // What nobody asked for is not told of among what somebody did.
    const { text } = await broker.api.request('GET', `/queues/${failing}/operations`)
    expect(JSON.parse(text)).toEqual({ operations: [] })
  })

  it('with their key, where that Queue has keys', async () => {
    const keyed = { ordering: { mode: 'KeyedFifo' } }
    await broker.api.put(failed, { ...SMALL, ...keyed })
    await declareFailing(keyed)
    const js = await broker.js()
    await js.publish(`q.${failing}.eu`, 'one')
    await (await (await broker.puller(failing)).one()).settle('+TERM')
    expect((await (await broker.puller(failed)).one()).text).toBe('one')
    expect((await broker.admin.messages(failed))[0]?.subject).toContain('.eu')
  })

  it('once it is there, and until then they stay', async () => {
    await declareFailing()
    await fail('early')
    await eventually(async () => expect(await left(failing)).toBe(1))
    await broker.api.put(failed, SMALL)
    expect((await (await broker.puller(failed)).one()).text).toBe('early')
    await eventually(async () => expect(await left(failing)).toBe(0))
  })

  it('once it has room, and may be purged meanwhile', async () => {
    await broker.api.put(failed, { ...SMALL, retention: { maxBytes: '16Mi', maxMessages: 1, onLimit: 'Reject' } })
    await declareFailing()
    await fail('first', 'second', 'third')
    const puller = await broker.puller(failed)
    const first = await puller.one()
    expect(first.text).toBe('first')
    await eventually(async () => expect(await left(failing)).toBe(2))
    const body = JSON.stringify({ kind: 'purge', from: 'dead-letters', select: { count: 1 } })
    const { status } = await broker.api.request('POST', `/queues/${failing}/operations`, { body })
    expect(status).toBe(201)
    await until('one is purged', async () => (await left(failing)) === 1)
    await first.settle()
    expect((await puller.one()).text).toBe('third')
  })

  it('each once, when sidecar and nats-server are killed meanwhile', async () => {
    await broker.api.put(failed, SMALL)
    await declareFailing({ retry: { maxAttempts: 1, visibilityTimeout: '1s' } })
    await broker.publish(failing, ...numbered(300))
    const puller = await broker.puller(failing)
    for (const message of await puller.take(300)) message.answer('+TERM')
    await until('some are moved', async () => (await broker.admin.stream(failed)).state.messages > 0)
    await broker.nats.crash()
    await broker.sidecar.kill()
    await broker.nats.start()
    await broker.sidecar.start()
    await broker.ready()
    await until('all are moved', async () => {
      const { messages } = await broker.api.get(failing)
      if (messages.ready + messages.inFlight > 0)
        for (const message of await puller.fetch(300, 300)) message.answer('+TERM')
      return messages.ready + messages.inFlight + messages.deadLettered === 0
    })
    const texts = (await broker.admin.messages(failed)).map(({ text }) => text)
    expect(texts.toSorted()).toEqual(numbered(300).toSorted())
  })

  it('never in a circle, which is told with the Queues on it; a change in one of them mends it', async () => {
    const [a, b, c] = [failing, failed, `${failing}-third`]
    const to = (name: string) => ({ ...SMALL, deadLetter: { maxBytes: '16Mi', queueRef: { name } } })
    await broker.api.put(a, to(b))
    await broker.api.put(b, to(c))
    const { status, text } = await broker.api.tryPut(c, to(a))
    expect([status, JSON.parse(text)]).toMatchObject([
      400,
      {
        error: {
          code: 'InvalidSpec',
          field: 'spec.deadLetter.queueRef',
          message: expect.stringContaining(`${c} → ${a} → ${b} → ${c}`),
        },
      },
    ])
    await broker.api.put(b, { ...SMALL, deadLetter: { maxBytes: '16Mi' } })
    await broker.api.put(c, to(a))
  })

  it('never to itself', async () => {
    const { status, text } = await broker.api.tryPut(failing, { deadLetter: { queueRef: { name: failing } } })
    expect([status, JSON.parse(text)]).toMatchObject([
      400,
      {
        error: {
          code: 'InvalidSpec',
          field: 'spec.deadLetter.queueRef',
          message: expect.stringContaining('another Queue'),
        },
      },
    ])
  })
})
