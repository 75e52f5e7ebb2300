import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually, numbered, TestBroker } from './harness.ts'

let broker: TestBroker

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const paused = (queue: string): Promise<number | undefined> => broker.api.metric('pillion_queue_paused', { queue })

it('a paused Queue takes messages and answers but delivers nothing, and goes on in order', async () => {
  const queue = 'orders'
  const retry = { backoff: { initial: '0s' } }
  await broker.api.put(queue, { retry })
  const puller = await broker.puller(queue)
  await broker.publish(queue, ...numbered(2))
  const [settled, given] = await puller.take(2)
  // Held by the server since before the pause.
  puller.request({ batch: 10, expires: 60e9 })

  expect((await broker.api.put(queue, { retry, paused: true }, 2)).corrected).toEqual([])
  await broker.publish(queue, 'm2', 'm3')
  expect(await settled?.settle()).toBe('')
  expect(await given?.settle('-NAK')).toBe('')
  const other = await broker.puller(queue)
  expect(await other.fetch(1, 1500)).toEqual([])
  expect((await broker.api.get(queue)).messages).toMatchObject({ ready: 2, inFlight: 1 })
  expect(await paused(queue)).toBe(1)
  // Again the same: no drift, still paused.
  expect((await broker.api.put(queue, { retry, paused: true }, 2)).corrected).toEqual([])
  expect(await other.fetch(1, 500)).toEqual([])

  expect((await broker.api.put(queue, { retry }, 3)).corrected).toEqual([])
  // At once, not at some later timer: the pull that was held all the time is served.
  const got = [await puller.next(5000), await puller.next(5000), await puller.next(5000)]
  expect(got).toMatchObject([{ text: 'm1', attempt: 2 }, { text: 'm2' }, { text: 'm3' }])
  expect(await paused(queue)).toBe(0)
})

it('stays paused over restarts of both', async () => {
  const queue = 'resting'
  await broker.api.put(queue, { paused: true })
  await broker.publish(queue, ...numbered(3))
  await broker.sidecar.stop()
  await broker.nats.crash()
  await broker.nats.start()
  await broker.sidecar.start()
  await broker.ready()
  const puller = await broker.puller(queue)
  expect(await puller.fetch(1, 1000)).toEqual([])
  expect((await broker.api.put(queue, { paused: true })).corrected).toEqual([])
  expect((await broker.api.get(queue)).messages).toMatchObject({ ready: 3, inFlight: 0 })
  await broker.api.put(queue, { paused: false }, 2)
  expect((await puller.take(3)).map(({ text }) => text)).toEqual(numbered(3))
})

it('resumes when somebody else lifted the pause: that is drift', async () => {
  const queue = 'lifted'
  await broker.api.put(queue, { paused: true })
  await broker.admin.manager.consumers.resume(queue, 'workers_fifo')
  const { corrected } = await broker.api.put(queue, { paused: true })
  expect(corrected).toEqual([
    { object: `consumer workers_fifo of stream ${queue}`, message: expect.stringContaining('pause_until') },
  ])
  await eventually(async () => expect((await broker.admin.lane(queue)).paused).toBe(true))
})
