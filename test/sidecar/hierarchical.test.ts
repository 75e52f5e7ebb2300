import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, type Puller, type QueueInput, TestBroker } from './harness.ts'

let broker: TestBroker
let number = 0

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

async function newQueue(spec: QueueInput = {}): Promise<string> {
  const queue = `tree${++number}`
  await broker.api.put(queue, { type: 'Hierarchical', ...spec })
  return queue
}

/** Publishes `<path> <n>` for each path given, in turn. */
async function publish(queue: string, ...paths: string[]): Promise<void> {
  const js = await broker.js()
  for (const [n, path] of paths.entries()) await js.publish(`q.${queue}.${path}`, `${path} ${n}`)
}

async function takeAndSettle(puller: Puller, count: number): Promise<string[]> {
  const got = await puller.take(count)
  for (const message of got) expect(await message.settle()).toBe('')
  return got.map(({ text }) => text)
}

const many = (path: string, count: number): string[] => Array.from({ length: count }, () => path)
const shareOf = (texts: readonly string[], path: string): number => texts.filter((t) => t.startsWith(`${path} `)).length

const empty = (queue: string): Promise<void> =>
  eventually(async () => {
    expect((await broker.api.get(queue)).messages).toMatchObject({ ready: 0, inFlight: 0 })
    expect((await broker.admin.stream(queue)).state.messages).toBe(0)
  })

describe('Hierarchical', () => {
  it('can be opened before anything was published, and serves sub-queues as they appear', async () => {
    const queue = await newQueue()
    const consumer = await (await broker.js()).consumers.get(queue, 'workers')
    expect((await consumer.info()).num_pending).toBe(0)
    const puller = await broker.puller(queue)
    const waiting = puller.fetch(1, 10_000)
    await publish(queue, 'eu.de')
    const [message] = await waiting
    expect(message?.text).toBe('eu.de 0')
    await message?.settle()
    await publish(queue, 'eu.de', 'us', 'a.b.c.d.e.f.g.h')
    expect((await takeAndSettle(puller, 3)).toSorted()).toEqual(['a.b.c.d.e.f.g.h 2', 'eu.de 0', 'us 1'])
    expect((await consumer.info()).num_pending).toBe(0)
    await empty(queue)
  })

  it('has an info that says nothing of a last delivery before there is one, as clients that read a time there expect', async () => {
    const queue = await newQueue()
    const answer = await (await broker.client()).request(`$JS.API.CONSUMER.INFO.${queue}.workers`, '')
    expect(answer.json()).toMatchObject({
      delivered: expect.not.objectContaining({ last_active: expect.anything() }),
      ack_floor: expect.not.objectContaining({ last_active: expect.anything() }),
    })
  })

  it('keeps the order within a sub-queue, and lets a busy one delay no other', async () => {
    const queue = await newQueue()
    await publish(queue, ...many('busy', 1000), ...many('small', 10))
    const puller = await broker.puller(queue)
    const got: string[] = []
    for (let n = 0; n < 50; n++) got.push(...(await takeAndSettle(puller, 1)))
    expect(shareOf(got, 'small')).toBe(10)
    const small = got.filter((text) => text.startsWith('small'))
    expect(small).toEqual(small.toSorted())
    got.push(...(await takeAndSettle(puller, 960)))
    const busy = got.filter((text) => text.startsWith('busy')).map((text) => Number(text.split(' ')[1]))
    expect(busy).toEqual(Array.from({ length: 1000 }, (_, n) => n))
    await empty(queue)
  })

  it('keeps the turns as they are when sub-queues appear', async () => {
    const queue = await newQueue()
    await publish(queue, ...many('busy', 100), ...many('small', 5))
    const puller = await broker.puller(queue)
    const got: string[] = []
    for (let round = 0; round < 8; round++) {
      // Less than a turn; then another lane is made.
      for (let n = 0; n < 5; n++) got.push(...(await takeAndSettle(puller, 1)))
      await publish(queue, `new${round}`)
      await eventually(async () => {
        const lanes = await broker.admin.manager.consumers.list(queue).next()
        expect(lanes.length).toBe(3 + round)
      })
    }
    expect(shareOf(got, 'small')).toBe(5)
  })

  it('is fair between siblings at every level, by weight', async () => {
    const queue = await newQueue({ hierarchy: { weights: { eu: 3, 'us.ny': 2 } } })
    await publish(queue, ...many('eu.de', 400), ...many('eu.fr', 400), ...many('us.ny', 400), ...many('us.ca', 400))
    const got = await takeAndSettle(await broker.puller(queue), 480)
    const shares = ['eu.de', 'eu.fr', 'us.ny', 'us.ca'].map((path) => shareOf(got, path))
    for (const [index, expected] of [180, 180, 80, 40].entries()) {
      expect(Math.abs((shares[index] ?? 0) - expected)).toBeLessThanOrEqual(48)
    }
  })

  it('gives a group its subtree', async () => {
    const queue = await newQueue({ consumerGroups: [{ name: 'workers' }, { name: 'europe', path: 'eu' }] })
    await publish(queue, 'eu.de', 'us', 'eu', 'europe')
    expect((await takeAndSettle(await broker.puller(queue, 'europe'), 2)).toSorted()).toEqual(['eu 2', 'eu.de 0'])
    await takeAndSettle(await broker.puller(queue), 4)
    await empty(queue)
  })

  it('serves more sub-queues than it may have lanes, as lanes become free, and counts their messages', async () => {
    const queue = await newQueue({ hierarchy: { maxSubQueues: 2 } })
    await publish(queue, 'a', 'b', 'c', 'd', 'e')
    expect((await broker.api.get(queue)).messages.ready).toBe(5)
    const puller = await broker.puller(queue)
    expect((await takeAndSettle(puller, 2)).toSorted()).toEqual(['a 0', 'b 1'])
    const rest = [await takeAndSettle(puller, 1), await takeAndSettle(puller, 1), await takeAndSettle(puller, 1)]
    expect(rest.flat().toSorted()).toEqual(['c 2', 'd 3', 'e 4'])
    await publish(queue, 'a')
    expect(await takeAndSettle(puller, 1)).toEqual(['a 0'])
    await empty(queue)
  })

  it('refuses what is too deep, names no sub-queue, or is one message too many in its sub-queue', async () => {
    const queue = await newQueue({ hierarchy: { maxMessagesPerSubQueue: 2 } })
    const js = await broker.js()
    for (const subject of [`q.${queue}`, `q.${queue}.a.b.c.d.e.f.g.h.i`]) {
      await expect(js.publish(subject, 'x')).rejects.toThrow(/no responders|not enabled/i)
    }
    await publish(queue, 'a', 'a', 'b')
    await expect(js.publish(`q.${queue}.a`, 'x')).rejects.toThrow(/maximum messages per subject/)
    await takeAndSettle(await broker.puller(queue), 3)
    await eventually(() => publish(queue, 'a', 'a'))
  })

  it('goes on where it was after a restart of the sidecar, with retries and dead letters', async () => {
    const queue = await newQueue({ retry: { visibilityTimeout: '1s', maxAttempts: 2, backoff: { initial: '0s' } } })
    await publish(queue, 'a', 'a', 'b.c', 'b.c')
    const puller = await broker.puller(queue)
    const first = await puller.take(3)
    await first[0]?.settle()
    await broker.sidecar.stop()
    await broker.sidecar.start()
    await broker.ready()
    // The two that nobody answered come again, and the one that was not delivered.
    const again = await puller.take(3)
    expect(again.filter(({ attempt }) => attempt === 2)).toHaveLength(2)
    for (const message of again) await message.settle(message.attempt === 2 ? '-NAK' : '+ACK')
    await eventually(async () => expect((await broker.admin.deadLetters(queue)).length).toBe(2))
    await empty(queue)
  })

  it('goes on after a crash of nats-server that finds sub-queues empty which had lanes before', async () => {
    const queue = await newQueue()
    await publish(queue, 'a', 'b', 'c')
    const puller = await broker.puller(queue)
    await takeAndSettle(puller, 3)
    await empty(queue)
    await publish(queue, 'c')
    await broker.nats.crash()
    await broker.nats.start()
    await broker.ready()
    await publish(queue, 'a', 'd')
    expect((await takeAndSettle(puller, 3)).toSorted()).toEqual(['a 0', 'c 0', 'd 1'])
    await empty(queue)
  })
})
