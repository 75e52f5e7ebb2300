import { headers } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GIVEN_UP_STREAM } from '../../crds/protocol/subjects.ts'
import { eventually, type Puller, TestBroker, until } from './harness.ts'

let broker: TestBroker
let number = 0

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const quick = { visibilityTimeout: '1s', maxAttempts: 2, backoff: { initial: '0s' } }

async function queueWith(spec: { retry?: object; retention?: object }): Promise<{ queue: string; puller: Puller }> {
  const queue = `dead${++number}`
  await broker.api.put(queue, { retry: { backoff: { initial: '0s' } }, ...spec })
  return { queue, puller: await broker.puller(queue) }
}

const left = async (queue: string): Promise<number> => (await broker.admin.stream(queue)).state.messages
const deadLettered = (queue: string, reason: string): Promise<number | undefined> =>
  broker.api.metric('pillion_queue_dead_lettered_total', { queue, group: 'workers', reason })

describe('a message that a consumer rejects (TERM)', () => {
  it('is dead-lettered with all that is known of it', async () => {
    const { queue, puller } = await queueWith({})
    const js = await broker.js()
    const own = headers()
    own.set('Trace-Id', 'abc')
    own.append('Many', 'one')
    own.append('Many', 'two')
    const body = Buffer.from([0, 1, 2, 255, 254, 13, 10])
    const before = Date.now()
    await js.publish(`q.${queue}`, 'first')
    await js.publish(`q.${queue}`, body, { msgID: 'producers-id', headers: own })
    const [, message] = await puller.take(2)
    expect(await message?.settle('+TERM no such customer: 42\nat line 7')).toBe('')
    const [letter, ...more] = await broker.admin.deadLetters(queue)
    expect(more).toEqual([])
    expect(letter?.subject).toBe(`dlq.${queue}`)
    expect(Buffer.from(letter?.data ?? [])).toEqual(body)
    const { created } = await broker.admin.stream(queue)
    const publishedAt = Date.parse(letter?.headers['Pillion-Dead-Letter-Published-At'] ?? '')
    expect(letter?.headers).toMatchObject({
      'Nats-Msg-Id': `dlq:${queue}:workers:${created}:2:${publishedAt}`,
      'Trace-Id': 'abc',
      'Pillion-Dead-Letter-Reason': 'rejected',
      'Pillion-Dead-Letter-Queue': queue,
      'Pillion-Dead-Letter-Group': 'workers',
      'Pillion-Dead-Letter-Sequence': '2',
      'Pillion-Dead-Letter-Subject': `q.${queue}`,
      'Pillion-Dead-Letter-Attempts': '1',
      'Pillion-Dead-Letter-Error': 'no such customer: 42 | at line 7',
      'Pillion-Dead-Letter-Msg-Id': 'producers-id',
    })
    const [stored] = (await broker.admin.messages(`${queue}_dlq`)).map(({ headers }) => headers)
    for (const key of ['Published-At', 'At']) {
      const time = Date.parse(stored?.[`Pillion-Dead-Letter-${key}`] ?? '')
      expect(time).toBeGreaterThanOrEqual(before - 1)
      expect(time).toBeLessThanOrEqual(Date.now() + 1)
    }
    const raw = await broker.admin.manager.direct.getMessage(`${queue}_dlq`, { seq: 1 })
    expect(raw?.header.values('Many')).toEqual(['one', 'two'])
    expect(await deadLettered(queue, 'rejected')).toBe(1)
    expect((await broker.api.get(queue)).messages).toMatchObject({ ready: 0, inFlight: 1, deadLettered: 1 })
    // On record too: it does not come again.
    expect((await broker.admin.onRecord(queue))(2)).toBe(true)
  })

  it('has no error and no id in its headers when there was none', async () => {
    const { queue, puller } = await queueWith({})
    await broker.publish(queue, 'one')
    await (await puller.one()).settle('+TERM')
    const [letter] = await broker.admin.deadLetters(queue)
    expect(letter?.text).toBe('one')
    expect(Object.keys(letter?.headers ?? {})).not.toContain('Pillion-Dead-Letter-Error')
    expect(Object.keys(letter?.headers ?? {})).not.toContain('Pillion-Dead-Letter-Msg-Id')
    await eventually(async () => expect(await left(queue)).toBe(0))
  })

  it('is dead-lettered once, however often that is said', async () => {
    const { queue, puller } = await queueWith({})
    await broker.publish(queue, 'one')
    const message = await puller.one()
    await Promise.all([message.settle('+TERM a'), message.settle('+TERM b'), message.settle('+TERM c')])
    expect(await broker.admin.deadLetters(queue)).toHaveLength(1)
    expect(await deadLettered(queue, 'rejected')).toBe(1)
  })

  it.each([
    ['longer than a header may be', 'x'.repeat(100_000)],
    ['not of this alphabet', 'Überlauf — 注文がありません'],
    ['made of odd characters', 'a\u0000b\u007f: c\u2028d\u0085e'],
    ['a stack', 'Error: x\r\n\tat y\r\n\r\nNATS/1.0 503\r\n'],
  ])('with an error that is %s', async (_, error) => {
    const { queue, puller } = await queueWith({})
    await broker.publish(queue, 'one')
    expect(await (await puller.one()).settle(`+TERM ${error}`)).toBe('')
    const [letter] = await broker.admin.deadLetters(queue)
    expect(letter?.text).toBe('one')
    expect(letter?.headers['Pillion-Dead-Letter-Error']?.slice(0, 1)).toBe(error.slice(0, 1))
  })

  it.each([
    ['a key with a space', 'NATS/1.0\r\nodd key: 1\r\n\r\n'],
    ['a key in brackets', 'NATS/1.0\r\n(odd): 1\r\n\r\n'],
    ['a key that is not ASCII', 'NATS/1.0\r\nschlüssel: 1\r\n\r\n'],
    ['an empty value', 'NATS/1.0\r\nEmpty:\r\n\r\n'],
    ['a line without a colon', 'NATS/1.0\r\nnothing\r\n\r\n'],
    ['a status line', 'NATS/1.0 503 No Responders\r\n\r\n'],
    ['a dead letter of its own', 'NATS/1.0\r\nPillion-Dead-Letter-Reason: forged\r\n\r\n'],
  ])('with %s among its headers', async (_, block) => {
    const { queue, puller } = await queueWith({})
    await publishRaw(queue, block, 'one')
    expect(await (await puller.one()).settle('+TERM')).toBe('')
    const [letter] = await broker.admin.deadLetters(queue)
    expect(letter?.text).toBe('one')
    expect(letter?.headers['Pillion-Dead-Letter-Reason']).toBe('rejected')
    await eventually(async () => expect(await left(queue)).toBe(0))
  })

  it('stands among the dead letters where it stood among those rejected, however long each took to be read', async () => {
    const { queue, puller } = await queueWith({})
    const bodies = Array.from({ length: 200 }, (_, index) => `${index} `.padEnd(index % 2 === 0 ? 100_000 : 0, '.'))
    await broker.publish(queue, ...bodies)
    for (const message of await puller.take(bodies.length)) message.answer('+TERM')
    await until('all are moved', async () => (await left(queue)) === 0)
    const letters = await broker.admin.deadLetters(queue)
    expect(letters.map(({ text }) => Number.parseInt(text, 10))).toEqual(bodies.map((_, index) => index))
  })

  it('of the largest size that is accepted', async () => {
    const { queue, puller } = await queueWith({
      retention: { maxMessageSize: '8Mi' },
    })
    const js = await broker.js()
    await js.publish(`q.${queue}`, new Uint8Array(8 * 1024 * 1024 - 64))
    expect(await (await puller.one()).settle('+TERM')).toBe('')
    expect(await broker.admin.deadLetters(queue)).toHaveLength(1)
  })
})

describe('a message at its last attempt', () => {
  it('is dead-lettered by a NAK, with a delay or without', async () => {
    const { queue, puller } = await queueWith({ retry: { maxAttempts: 3, backoff: { initial: '0s' } } })
    await broker.publish(queue, 'a', 'b')
    for (const attempt of [1, 2, 3]) {
      const got = await puller.take(2)
      for (const message of got) {
        expect(message.attempt).toBe(attempt)
        expect(await message.settle(message.text === 'a' ? '-NAK' : '-NAK {"delay": 1}')).toBe('')
      }
    }
    const letters = await broker.admin.deadLetters(queue)
    expect(letters.map(({ text }) => text).toSorted()).toEqual(['a', 'b'])
    for (const { headers } of letters) {
      expect(headers).toMatchObject({
        'Pillion-Dead-Letter-Reason': 'max-attempts',
        'Pillion-Dead-Letter-Attempts': '3',
      })
    }
    await eventually(async () => expect(await left(queue)).toBe(0))
    expect(await deadLettered(queue, 'max-attempts')).toBe(2)
  })

  it('is acknowledged by an acknowledgement', async () => {
    const { queue, puller } = await queueWith({ retry: { maxAttempts: 1 } })
    await broker.publish(queue, 'one')
    await (await puller.one()).settle()
    expect(await broker.admin.deadLetters(queue)).toEqual([])
  })
})

describe('a message that nobody answers for at its last attempt', () => {
  it('is dead-lettered promptly, by JetStream’s hint', async () => {
    const { queue, puller } = await queueWith({ retry: quick })
    await broker.publish(queue, 'one', 'two')
    await puller.take(4)
    const letters = await until('both are dead letters', async () => {
      // JetStream gives a message up when somebody asks for the next one.
      expect(await puller.fetchNow()).toEqual([])
      const letters = await broker.admin.deadLetters(queue)
      return letters.length === 2 && letters
    })
    for (const { headers } of letters) {
      expect(headers).toMatchObject({
        'Pillion-Dead-Letter-Reason': 'timeout',
        'Pillion-Dead-Letter-Attempts': '2',
      })
    }
    await eventually(async () => expect(await left(queue)).toBe(0))
    expect(await deadLettered(queue, 'timeout')).toBe(2)
    // Each hint is forgotten once it is dealt with.
    await eventually(async () => expect((await broker.admin.stream(GIVEN_UP_STREAM)).state.messages).toBe(0))
  })

  it('may still be acknowledged before its timeout', async () => {
    const { queue, puller } = await queueWith({ retry: { ...quick, maxAttempts: 1 } })
    await broker.publish(queue, 'one')
    expect(await (await puller.one()).settle()).toBe('')
    expect(await puller.fetch(1, 2000)).toEqual([])
    expect(await broker.admin.deadLetters(queue)).toEqual([])
  })

  it('is found by counting when the hints are gone, and nothing else is taken for it', async () => {
    const { queue, puller } = await queueWith({ retry: { ...quick, maxAttempts: 1 } })
    await broker.admin.manager.streams.delete(GIVEN_UP_STREAM)
    await broker.publish(queue, 'kept', 'given up', 'acknowledged', 'kept too')
    const [kept, , acknowledged, keptToo] = await puller.take(4)
    acknowledged?.answer()
    const letters = await until('the hole is a dead letter', async () => {
      kept?.answer('+WPI')
      keptToo?.answer('+WPI')
      expect(await puller.fetch(1, 200)).toEqual([])
      const letters = await broker.admin.deadLetters(queue)
      return letters.length > 0 && letters
    })
    expect(letters.map(({ text }) => text)).toEqual(['given up'])
    expect(letters[0]?.headers).toMatchObject({ 'Pillion-Dead-Letter-Reason': 'timeout' })
    await kept?.settle()
    await keptToo?.settle()
    await eventually(async () => expect(await left(queue)).toBe(0))
    expect(await broker.admin.deadLetters(queue)).toHaveLength(1)
  })

  it('makes the stream of hints again after it was deleted by hand', async () => {
    if ((await broker.admin.streamNames()).includes(GIVEN_UP_STREAM)) {
      await broker.admin.manager.streams.delete(GIVEN_UP_STREAM)
    }
    await eventually(async () => expect(await broker.admin.streamNames()).toContain(GIVEN_UP_STREAM))
  })
})

/** Publishes with a header block as it is, past what a client library would let through. */
async function publishRaw(queue: string, block: string, body: string): Promise<void> {
  const { connect } = await import('node:net')
  const { port } = broker.nats
  const expected = (await broker.admin.stream(queue)).state.last_seq + 1
  await new Promise<void>((done, fail) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', fail)
    socket.once('data', () => {
      const header = Buffer.from(block)
      const total = header.length + Buffer.byteLength(body)
      socket.write('CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n')
      socket.write(
        Buffer.concat([
          Buffer.from(`HPUB q.${queue} ${header.length} ${total}\r\n`),
          header,
          Buffer.from(`${body}\r\nPING\r\n`),
        ]),
      )
      socket.on('data', (data) => {
        if (!data.toString().includes('PONG')) return
        socket.destroy()
        done()
      })
    })
  })
  await until('it is stored', async () => (await broker.admin.stream(queue)).state.last_seq === expected)
}
