import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Delivery, eventually, numbered, type Puller, TestBroker, until } from './harness.ts'

// What is answered is on record, whatever else goes on at the same time. The first message of each queue stays open, so that
// nothing is purged and the log alone can say what is settled.

let broker: TestBroker
let puller: Puller
let number = 0
let queue = ''

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

beforeEach(async () => {
  queue = `log${++number}`
  await broker.api.put(queue)
  puller = await broker.puller(queue)
})

/** Settles with a few answers on their way at any time, until told to stop or nothing is left; those that were answered. */
async function settleAll(messages: readonly Delivery[], go: () => boolean = () => true): Promise<Delivery[]> {
  const answered: Delivery[] = []
  const waiting = [...messages]
  const one = async (): Promise<void> => {
    for (let message = waiting.shift(); message !== undefined && go(); message = waiting.shift()) {
      expect(await message.settle()).toBe('')
      answered.push(message)
    }
  }
  await Promise.all(Array.from({ length: 8 }, one))
  return answered
}

const notOnRecord = async (messages: readonly Delivery[]): Promise<number[]> => {
  const onRecord = await broker.admin.onRecord(queue)
  return messages.map(({ sequence }) => sequence).filter((sequence) => !onRecord(sequence))
}

describe('a record that is under way', () => {
  it('is not lost when the log is compacted', async () => {
    const count = 10_000
    await broker.publish(queue, ...numbered(count))
    const [, ...rest] = await puller.take(count - 1, 60_000)
    const log = `${queue}_settled`
    let compacted = false
    const watched = until('the log is compacted', async () => {
      compacted = (await broker.admin.stream(log)).state.first_seq > 1
      return compacted
    })
    const answered = await settleAll(rest, () => !compacted)
    await watched
    // Settling goes on for a moment only: no second compaction repairs what the first one lost.
    expect((await broker.admin.stream(log)).state.messages).toBeLessThan(900)
    expect(await notOnRecord(answered)).toEqual([])
    expect((await broker.admin.records(queue)).length).toBeLessThan(900)
  })

  it('is not lost when the Queue is put again, changed or not', async () => {
    await broker.publish(queue, ...numbered(3001))
    const [, ...rest] = await puller.take(3001)
    const done = new AbortController()
    const settled = settleAll(rest).finally(() => done.abort())
    for (let generation = 2; !done.signal.aborted; generation++) {
      const maxAttempts = 3 + (Math.floor(generation / 2) % 2)
      expect((await broker.api.put(queue, { retry: { maxAttempts } }, generation)).corrected).toEqual([])
    }
    const answered = await settled
    expect(answered).toHaveLength(3000)
    expect(await notOnRecord(answered)).toEqual([])
    expect(await broker.api.metric('pillion_queue_acknowledged_total', { queue })).toBe(3000)
  })

  it('is not lost when the Queue is made by several at once', async () => {
    const name = `${queue}-many`
    queue = name
    await Promise.all(Array.from({ length: 6 }, (_, index) => broker.api.put(name, {}, index)))
    const own = await broker.puller(name)
    await broker.publish(name, ...numbered(50))
    const [, ...rest] = await own.take(50)
    await Promise.all(Array.from({ length: 4 }, () => broker.api.put(name)))
    expect(await notOnRecord(await settleAll(rest))).toEqual([])
    await eventually(async () => expect((await broker.admin.lane(name)).num_ack_pending).toBe(1))
    expect((await broker.api.get(name)).messages).toMatchObject({ inFlight: 1, ready: 0 })
  })
})

it('the log is short after its queue is empty and the sidecar stopped', async () => {
  await broker.publish(queue, ...numbered(500))
  await settleAll(await puller.take(500))
  await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
  await broker.sidecar.stop()
  expect((await broker.admin.stream(`${queue}_settled`)).state.messages).toBeLessThanOrEqual(1)
  await broker.sidecar.start()
  await broker.ready()
  await broker.publish(queue, 'next')
  expect((await puller.one()).text).toBe('next')
})
