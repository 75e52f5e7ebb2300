import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, numbered, type QueueInput, TestBroker } from './harness.ts'

// The broker's store is 64 MiB; JetStream sets aside what a Queue and its dead letters may hold.

let broker: TestBroker

beforeAll(async () => {
  broker = await TestBroker.start({ maxStoreBytes: 64 * 1024 * 1024 })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const sizes = (maxBytes: string, deadLetters = '4Mi'): QueueInput => ({
  retention: { maxBytes, maxMessageSize: '64Ki' },
  deadLetter: { maxBytes: deadLetters },
})
const noRoom = {
  status: 400,
  json: {
    error: {
      code: 'InvalidSpec',
      field: 'spec.retention.maxBytes',
      message: expect.stringMatching(
        /no room.*lower spec\.retention\.maxBytes or spec\.deadLetter\.maxBytes.*more storage/,
      ),
    },
  },
}
const streams = async (queue: string): Promise<string[]> =>
  (await broker.admin.streamNames()).filter((name) => name.startsWith(queue))

describe('a Queue whose limits do not fit the broker’s store', () => {
  it('is refused with the field named, and nothing of it is left behind', async () => {
    expect(await broker.api.tryPut('large', sizes('100Mi'))).toMatchObject(noRoom)
    expect(await streams('large')).toEqual([])
    expect((await broker.api.request('GET', '/queues/large')).status).toBe(404)
    // Also where it is the dead letters that do not fit.
    expect(await broker.api.tryPut('large', sizes('1Mi', '100Mi'))).toMatchObject(noRoom)
    expect(await streams('large')).toEqual([])
    // So the whole store is there for one that fits.
    expect(await broker.api.put('large', sizes('50Mi', '8Mi'))).toMatchObject({ configured: true })
    expect(await broker.api.delete('large', 'Delete')).toMatchObject({ status: 200 })
  })

  it('is refused beside one that has taken most of it, and accepted when that one shrinks', async () => {
    await broker.api.put('first', sizes('40Mi'))
    await broker.publish('first', 'one')
    expect(await broker.api.tryPut('second', sizes('40Mi'))).toMatchObject(noRoom)
    await broker.api.put('first', sizes('10Mi'), 2)
    await broker.api.put('second', sizes('30Mi'))
    await broker.publish('second', 'two')
    for (const queue of ['first', 'second']) {
      expect(await (await (await broker.puller(queue)).one()).settle()).toBe('')
    }
  })

  it('keeps what it had when it cannot grow', async () => {
    const before = await broker.api.get('first')
    expect(await broker.api.tryPut('first', sizes('60Mi', '8Mi'), 3)).toMatchObject(noRoom)
    expect(await broker.api.get('first')).toEqual(before)
    expect((await broker.admin.stream('first')).config.max_bytes).toBe(10 * 1024 * 1024)
    expect((await broker.admin.stream('first_dlq')).config.max_bytes).toBe(4 * 1024 * 1024)
    expect(await broker.publish('first', 'still')).toEqual([2])
    // What was there is what is wanted: nothing to correct.
    expect((await broker.api.put('first', sizes('10Mi'), 2)).corrected).toEqual([])
  })
})

it('a retained one that no longer fits stays as it was, and can be had again', async () => {
  for (const queue of ['first', 'second']) await broker.api.delete(queue, 'Delete')
  await broker.api.put('kept', sizes('10Mi'))
  await broker.publish('kept', ...numbered(3))
  expect(await broker.api.delete('kept', 'Retain')).toMatchObject({ status: 200 })
  for (const spec of [sizes('100Mi'), sizes('10Mi', '100Mi')]) {
    expect(await broker.api.tryPut('kept', spec)).toMatchObject(noRoom)
    expect((await broker.api.request('GET', '/queues/kept')).status).toBe(404)
    // Nobody serves it, so nothing is accepted for it.
    const js = await broker.js()
    await expect(js.publish('q.kept', 'x')).rejects.toThrow(/jetstream is not enabled|no responders/i)
  }
  expect(await broker.api.put('kept', sizes('10Mi'))).toMatchObject({ messages: { ready: 3 }, corrected: [] })
  expect((await (await broker.puller('kept')).take(3)).map(({ text }) => text)).toEqual(numbered(3))
})

it('the metrics say how much the broker may store, and how much it does', async () => {
  await eventually(async () => {
    const used = await broker.api.metric('pillion_broker_store_bytes')
    expect(used).toBeGreaterThan(0)
    expect(used).toBeLessThan(64 * 1024 * 1024)
  })
})
