import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isFinished, type Operation, operationSchema } from '../../crds/protocol/operation.ts'
import { deadLetterStream, delayedStream } from '../../crds/protocol/subjects.ts'
import { type Delivery, type Puller, TestBroker, until } from './harness.ts'
import { publishDelayed } from './harness/delay.ts'

// A power cut may take the end of a stream: of what was not synced, or of what had come to its end. Its numbers are then given to other
// messages, before the sidecar is there to look. Here the end is taken by putting back an earlier copy of the stream's folder.

let broker: TestBroker
let puller: Puller
let number = 0
let queue = ''

beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

beforeEach(async () => {
  queue = `end${++number}`
  await broker.api.put(queue, { retry: { visibilityTimeout: '2s' } })
  puller = await broker.puller(queue)
})

const folderOf = (stream: string): string => join(broker.nats.storeDir, 'jetstream', '$G', 'streams', stream, 'msgs')
const copyOf = (stream: string): string => join(broker.nats.storeDir, `${stream}.earlier`)

/** Everything is gone and comes again, the sidecar last. */
async function powerCut(
  how: 'kill' | 'stop',
  { whileDown, beforeSidecar }: { whileDown: () => Promise<void>; beforeSidecar?: () => Promise<unknown> },
): Promise<void> {
  await broker.sidecar[how]()
  await broker.nats.crash()
  await whileDown()
  await broker.nats.start()
  await beforeSidecar?.()
  await broker.sidecar.start()
  await broker.ready()
}

/** The stream as it is now is what is left of it after the next cut. */
const keep = (stream: string): Promise<void> =>
  powerCut('kill', { whileDown: () => cp(folderOf(stream), copyOf(stream), { recursive: true }) })

const lose = async (stream: string): Promise<void> => {
  await rm(folderOf(stream), { recursive: true })
  await cp(copyOf(stream), folderOf(stream), { recursive: true })
}

const settleAll = (messages: readonly Delivery[]): Promise<string[]> =>
  Promise.all(messages.map((message) => message.settle()))

async function move(from: string, to: string): Promise<void> {
  const generation = (await broker.api.get(from)).generation + 1
  const spec = { retry: { visibilityTimeout: '2s' } }
  await broker.api.put(from, { ...spec, paused: true }, generation)
  const id = `move-${generation}`
  const path = `/queues/${from}/operations`
  await broker.api.request('POST', path, { body: JSON.stringify({ id, kind: 'move', from: 'messages', to }) })
  await until('it is moved', async () =>
    isFinished(operationSchema.parse((await broker.api.request('GET', `${path}/${id}`)).json)),
  )
  await broker.api.put(from, spec, generation + 1)
}

describe('after a cut that took the end of a Queue', () => {
  it.each([
    { how: 'kill', why: 'the log names each of them' },
    { how: 'stop', why: 'the log has them in a snapshot' },
  ] as const)('other messages that have its numbers are delivered; $how: $why', async ({ how }) => {
    await broker.publish(queue, 'a', 'b')
    await keep(queue)
    await settleAll(await puller.take(2))
    await broker.publish(queue, 'c', 'd', 'e', 'f')
    expect(await settleAll(await puller.take(4))).toEqual(['', '', '', ''])
    await powerCut(how, {
      whileDown: () => lose(queue),
      beforeSidecar: async () => expect(await broker.publish(queue, 'new c', 'new d')).toEqual([3, 4]),
    })
    const messages = await puller.take(2)
    expect(messages.map(({ text }) => text)).toEqual(['new c', 'new d'])
    expect(await settleAll(messages)).toEqual(['', ''])
    await broker.publish(queue, 'new e')
    expect((await puller.one()).text).toBe('new e')
    expect((await broker.api.ledger(queue)).unaccounted).toBe(0)
  })

  it('they stay that, also where more than the numbers of the lost ones were given, and the sidecar is killed once more', async () => {
    await broker.publish(queue, 'a')
    await keep(queue)
    await broker.publish(queue, 'b')
    await settleAll(await puller.take(2))
    await powerCut('stop', {
      whileDown: () => lose(queue),
      beforeSidecar: () => broker.publish(queue, 'new b', 'c', 'd'),
    })
    await broker.sidecar.kill()
    await broker.sidecar.start()
    await broker.ready()
    expect((await puller.take(3)).map(({ text }) => text)).toEqual(['new b', 'c', 'd'])
  })

  it('an acknowledgement of a lost one is none of the other', async () => {
    await broker.publish(queue, 'a')
    await keep(queue)
    await broker.publish(queue, 'b')
    const [, lost] = await puller.take(2)
    await lost?.settle()
    await powerCut('kill', { whileDown: () => lose(queue), beforeSidecar: () => broker.publish(queue, 'new b') })
    expect((await puller.take(2)).map(({ text }) => text).toSorted()).toEqual(['a', 'new b'])
    await expect(lost?.settle('+ACK', 500)).rejects.toThrow(/timeout/i)
    expect((await puller.take(2)).map(({ text }) => text).toSorted()).toEqual(['a', 'new b'])
  })

  it('a dead letter of a lost one does not stand for the other, which becomes a dead letter of its own', async () => {
    await broker.publish(queue, 'a')
    await keep(queue)
    await broker.publish(queue, 'b')
    const [, lost] = await puller.take(2)
    await lost?.settle('+TERM')
    await powerCut('kill', { whileDown: () => lose(queue), beforeSidecar: () => broker.publish(queue, 'new b') })
    const again = (await puller.take(2)).find(({ text }) => text === 'new b')
    expect(await again?.settle('+TERM')).toBe('')
    expect((await broker.admin.deadLetters(queue)).map(({ text }) => text)).toEqual(['b', 'new b'])
  })

  it('both can be moved', async () => {
    const to = `${queue}-to`
    await broker.api.put(to)
    await broker.publish(queue, 'a')
    await keep(queue)
    await broker.publish(queue, 'b')
    await move(queue, to)
    await powerCut('kill', { whileDown: () => lose(queue), beforeSidecar: () => broker.publish(queue, 'new b') })
    await move(queue, to)
    expect((await (await broker.puller(to)).take(3)).map(({ text }) => text)).toEqual(['a', 'b', 'new b'])
  })
})

describe('after a cut that took the end', () => {
  it('of the dead letters, an operation that was under way leaves others that have its numbers', async () => {
    const reject = async (...texts: string[]): Promise<void> => {
      await broker.publish(queue, ...texts)
      for (const message of await puller.take(texts.length)) await message.settle('+TERM')
    }
    await reject('a', 'b', 'c', 'd')
    await keep(deadLetterStream(queue))
    await reject('e')
    const path = `/queues/${queue}/operations`
    const purge = { id: 'slow', kind: 'purge', from: 'dead-letters', ratePerSecond: 1 }
    await broker.api.request('POST', path, { body: JSON.stringify(purge) })
    await powerCut('kill', { whileDown: () => lose(deadLetterStream(queue)) })
    await reject('new e')
    const look = async (): Promise<Operation> =>
      operationSchema.parse((await broker.api.request('GET', `${path}/slow`)).json)
    expect(isFinished(await look())).toBe(false)
    await broker.sidecar.kill()
    await broker.sidecar.start()
    await broker.ready()
    await until('it is purged', async () => isFinished(await look()))
    expect((await broker.admin.deadLetters(queue)).map(({ text }) => text)).toEqual(['new e'])
  })

  it('of the delayed messages, another that has its number comes too', async () => {
    const client = await broker.client()
    const publish = async (text: string): Promise<number> =>
      (await publishDelayed(client, queue, text, { 'Pillion-Delay': '50ms' })).seq
    await publish('a')
    await (await puller.one()).settle()
    await keep(delayedStream(queue))
    const first = await publish('b')
    await (await puller.one()).settle()
    await powerCut('kill', { whileDown: () => lose(delayedStream(queue)) })
    expect(await publish('new b')).toBe(first)
    expect((await puller.one()).text).toBe('new b')
  })
})
