import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually, numbered, type Puller, TestBroker, until } from './harness.ts'

// Records speak of one stream. When its place is taken by another, or its end is lost, they say nothing of the new messages that
// have the same numbers.

const spec = { retry: { visibilityTimeout: '2s', maxAttempts: 20 } }

let broker: TestBroker
let puller: Puller
let number = 0
let queue = ''

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

beforeEach(async () => {
  queue = `remade${++number}`
  await broker.api.put(queue, spec)
  puller = await broker.puller(queue)
})

/** Five messages settled out of ten, so that the log speaks of sequences in the middle. */
async function settleSome(): Promise<void> {
  await broker.publish(queue, ...numbered(10, 'old'))
  const got = await puller.take(10)
  for (const message of got.filter((_, index) => index % 2 === 1)) expect(await message.settle()).toBe('')
}

/** Publishes new messages and settles what comes; the bodies of that. */
async function newOnes(count = 10): Promise<string[]> {
  await broker.publish(queue, ...numbered(count, 'new'))
  const got: string[] = []
  await until('the queue is empty', async () => {
    const messages = await puller.fetch(50, 300)
    for (const message of messages) expect(await message.settle()).toBe('')
    got.push(...messages.map(({ text }) => text))
    return (await broker.admin.stream(queue)).state.messages === 0
  })
  expect(await broker.admin.deadLetters(queue)).toEqual([])
  return got
}

const restartSidecar = async (): Promise<void> => {
  await broker.sidecar.stop()
  await broker.sidecar.start()
  await broker.ready()
}

describe('a stream that was deleted by hand', () => {
  it('is made anew at the next PUT, and old records settle nothing in it', async () => {
    await settleSome()
    await broker.admin.manager.streams.delete(queue)
    expect((await broker.api.put(queue, spec)).corrected).toEqual([
      { object: `stream ${queue}`, message: 'it was gone and was made anew' },
    ])
    expect(await newOnes()).toEqual(numbered(10, 'new'))
    expect((await broker.api.put(queue, spec)).corrected).toEqual([])
  })

  it('the same, after a restart', async () => {
    await settleSome()
    await broker.admin.manager.streams.delete(queue)
    await restartSidecar()
    expect(await newOnes()).toEqual(numbered(10, 'new'))
    await restartSidecar()
    expect(await newOnes()).toEqual(numbered(10, 'new'))
  })

  it('with acknowledgements of the old one coming late', async () => {
    await broker.publish(queue, ...numbered(10, 'old'))
    const old = await puller.take(10)
    // The log cannot be written meanwhile, so that they wait to be put on record.
    await broker.admin.manager.streams.delete(queue)
    await broker.admin.manager.streams.delete(`${queue}_settled`)
    for (const message of old) message.answer()
    await broker.api.put(queue, spec)
    await broker.publish(queue, ...numbered(10, 'new'))
    for (const message of old) message.answer()
    const got = await puller.take(10)
    expect(got.map(({ text }) => text)).toEqual(numbered(10, 'new'))
    await restartSidecar()
    // Delivered before the restart, and open: still there.
    expect((await broker.admin.messages(queue)).map(({ text }) => text)).toEqual(numbered(10, 'new'))
    for (const message of got) expect(await message.settle()).toBe('')
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
  })

  it('makes room behind an open message as the first one did', async () => {
    const small = { ...spec, retention: { maxMessages: 10 } }
    await broker.api.put(queue, small, 2)
    for (const round of ['first', 'second']) {
      await broker.publish(queue, ...numbered(10, round))
      const [open, ...rest] = await puller.take(10)
      for (const message of rest) message.answer()
      await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(1))
      if (round === 'second') await open?.settle()
      else {
        await broker.admin.manager.streams.delete(queue)
        await broker.api.put(queue, small, 2)
      }
    }
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
  })
})

describe('a stream that was purged by hand', () => {
  it('counts what was open as dropped and goes on', async () => {
    await settleSome()
    await broker.admin.manager.streams.purge(queue)
    await eventually(async () => expect(await broker.api.metric('pillion_queue_dropped_total', { queue })).toBe(5))
    expect(await newOnes()).toEqual(numbered(10, 'new'))
    expect(await broker.api.metric('pillion_queue_acknowledged_total', { queue })).toBe(15)
  })

  it('with one message deleted in the middle, counts that and waits for nothing', async () => {
    await settleSome()
    await broker.admin.manager.streams.deleteMessage(queue, 3, false)
    await puller.fetch(1, 200)
    const left = await broker.admin.messages(queue)
    expect(left.map(({ sequence }) => sequence).filter((s) => s % 2 === 1)).toEqual([1, 5, 7, 9])
    await restartSidecar()
    const got = new Set(await newOnes(3))
    expect([...got].filter((text) => text.startsWith('new'))).toEqual(numbered(3, 'new'))
  })
})

describe('a power cut took the end of the stream, and the log still speaks of it', () => {
  it('the messages that get those numbers are delivered', async () => {
    await broker.publish(queue, ...numbered(5, 'kept'))
    const kept = await puller.take(5)
    for (const message of kept.slice(1)) await message.settle()
    await broker.sidecar.stop()
    await broker.nats.stop()
    // What the disk had: the stream as of now, the log as of later.
    const streams = join(broker.nats.storeDir, 'jetstream', '$G', 'streams')
    const disk = join(broker.nats.storeDir, 'power-cut')
    await cp(join(streams, queue), disk, { recursive: true })
    await broker.nats.start()
    await broker.sidecar.start()
    await broker.ready()
    await broker.publish(queue, ...numbered(20, 'lost'))
    const lost = (await puller.take(20)).filter(({ text }) => text.startsWith('lost'))
    expect(lost).toHaveLength(20)
    for (const message of lost) await message.settle()
    await broker.sidecar.stop()
    await broker.nats.crash()
    await rm(join(streams, queue), { recursive: true })
    await cp(disk, join(streams, queue), { recursive: true })
    await broker.nats.start()
    await broker.sidecar.start()
    await broker.ready()
    const got = await newOnes(30)
    expect(got.toSorted()).toEqual(['kept0', ...numbered(30, 'new')].toSorted())
  })
})
