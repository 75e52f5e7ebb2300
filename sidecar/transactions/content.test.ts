import { test } from '@fast-check/vitest'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Peers } from '../peers/peers.ts'
import { addAcks, addSends, ownAcks, partsOf } from './content.ts'
import { participationId, recordSchema, shown } from './record.ts'
import { staged, unstaged } from './sends.ts'

const ackOf = (queue: string, sequence: number): string =>
  `$JS.ACK.${queue}.workers_fifo.1.${sequence}.${sequence}.1764000000000000000.0`
const send = (queue: string, body: string) => ({ queue, rest: '', headers: {}, body, encoding: 'text' as const })

function reachTo(queues: Record<string, string[]>) {
  const peers = new Peers(true)
  const brokers = Object.entries(queues).map(([name, own]) => ({ name, url: 'http://127.0.0.1:1', queues: own }))
  peers.tell({ self: 'a', brokers: [{ name: 'a', url: 'http://127.0.0.1:1', queues: ['moved'] }, ...brokers] })
  return { queues: new Map(), peers }
}

describe('the content of a transaction', () => {
  // A Queue may be called so.
  const reach = reachTo({ b: ['one', 'constructor'], c: ['two'] })

  it('is shared out by who keeps the Queues, in order', () => {
    const sends = addSends([], [send('one', '1'), send('two', '2'), send('one', '3'), send('constructor', '4')], reach)
    const acks = addAcks([], [ackOf('two', 1), ackOf('two', 2), ackOf('two', 1)], reach)
    const { own, others, kept } = partsOf(sends, acks, reach)
    expect(own).toEqual({ sends: [], acks: [] })
    expect(others.get('b')?.sends.map(({ body }) => Buffer.from(body, 'base64').toString())).toEqual(['1', '3', '4'])
    expect(others.get('c')).toMatchObject({ sends: [{ queue: 'two' }], acks: [ackOf('two', 1), ackOf('two', 2)] })
    expect(kept).toEqual({
      one: { broker: 'b', sends: 2 },
      constructor: { broker: 'b', sends: 1 },
      two: { broker: 'c', sends: 1 },
    })
  })

  it('has acknowledgements of others', () => {
    const acks = [ackOf('constructor', 1), ackOf('one', 2)]
    const record = recordSchema.parse({ v: 1, id: 'x', startedAt: 1, queues: {}, acks })
    expect(ownAcks(record)).toEqual(acks)
    expect(ownAcks({ ...record, others: { one: { broker: 'b', sends: 0 } } })).toEqual([ackOf('constructor', 1)])
  })

  it.each([
    [reach, 'moved', ', nor in another that it was told of'],
    [{ queues: new Map(), peers: undefined }, 'one', ''],
    [{ queues: new Map(), peers: new Peers(false) }, 'one', ''],
  ])('is refused where nobody keeps a Queue', (nobody, queue, why) => {
    const message = `there is no queue "${queue}" in this broker${why}`
    expect(() => addSends([], [send(queue, '')], nobody)).toThrow(message)
    expect(() => addAcks([], [ackOf(queue, 1)], nobody)).toThrow(message)
  })

  it('is to be asked for again while others are not told of that will be', () => {
    const untold = { queues: new Map(), peers: new Peers(true) }
    const refusal = { code: 'BrokerNotReady', field: 'sends[0].queue', message: expect.stringContaining('ask again') }
    expect(() => addSends([], [send('one', '')], untold)).toThrow(expect.objectContaining(refusal))
    untold.peers.tell({ self: 'a', brokers: [] })
    const known = {
      code: 'QueueNotFound',
      message: 'there is no queue "one" in this broker, nor in another that it was told of',
    }
    expect(() => addSends([], [send('one', '')], untold)).toThrow(expect.objectContaining(known))
  })

  const key = fc.oneof(fc.stringMatching(/^[A-Za-z][A-Za-z-]{0,8}$/), fc.constantFrom('__proto__', 'constructor', '1'))
  const headers = fc.dictionary(key, fc.array(fc.stringMatching(/^[ -~]{0,8}$/), { minLength: 1, maxLength: 3 }))
  test.prop([headers, fc.string(), fc.constantFrom('', 'key', 'a.b')])(
    'is the same to the broker that is asked to stage it',
    (all, body, rest) => {
      const one = staged({ ...send('one', body), headers: all, rest }, 0)
      expect(staged(JSON.parse(JSON.stringify(unstaged(one))), 0)).toEqual(one)
    },
  )
})

describe('a part of another broker’s transaction', () => {
  const of = { coordinator: 'shop.one', id: 'x-1' }

  it('has a name that no client can give, and that no other coordinator’s has', () => {
    expect(participationId(of)).toBe('shop_one:x-1')
    expect(participationId({ ...of, coordinator: 'shop-one' })).toBe('shop-one:x-1')
  })

  it('is shown with its coordinator and its own phase', () => {
    const record = recordSchema.parse({
      v: 1,
      id: participationId(of),
      of,
      startedAt: 0,
      acks: [],
      participant: { phase: 'prepared' },
      queues: { one: { created: 'then', sends: 2 } },
    })
    expect(shown(record, { waitsFor: 'why' })).toEqual({
      id: 'x-1',
      coordinator: 'shop.one',
      state: 'Prepared',
      reason: 'why',
      queues: { one: { sends: 2 } },
      acks: 0,
      startedAt: '1970-01-01T00:00:00.000Z',
    })
  })
})
