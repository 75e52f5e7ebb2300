import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually, numbered, TestBroker } from './harness.ts'

// retention.until Expired: the stream is a log; acknowledging takes nothing out of it.

let broker: TestBroker

beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const retention = { until: 'Expired', maxMessages: 300 }
const bodies = async (queue: string): Promise<string[]> => (await broker.admin.messages(queue)).map(({ text }) => text)

it.each([
  ['the sidecar is restarted', async () => void (await broker.sidecar.stop()), () => broker.sidecar.start()],
  ['the sidecar is killed', () => broker.sidecar.kill(), () => broker.sidecar.start()],
  ['nats-server is restarted', () => broker.nats.stop(), () => broker.nats.start()],
])('what is acknowledged stays in the stream and is not delivered again when %s', async (what, end, start) => {
  const queue = `log-${what.replaceAll(' ', '-')}`.slice(0, 40)
  await broker.api.put(queue, { retention, retry: { visibilityTimeout: '5s' } })
  await broker.publish(queue, ...numbered(201))
  const puller = await broker.puller(queue)
  // The first stays open: what lies behind it is settled out of order.
  const [open, ...rest] = await puller.take(201)
  await Promise.all(rest.map((message) => message.settle()))
  await end()
  await start()
  await broker.ready()
  expect(await bodies(queue)).toEqual(numbered(201))
  await broker.publish(queue, 'next')
  const again = await puller.take(2)
  expect(again.map(({ text }) => text).toSorted()).toEqual(['m0', 'next'])
  for (const message of again) await message.settle()
  expect(await open?.settle()).toBe('')
  await eventually(async () => expect((await broker.admin.lane(queue)).num_ack_pending).toBe(0))
  expect(await puller.fetch(10, 500)).toEqual([])
  expect(await broker.admin.deadLetters(queue)).toEqual([])
  expect((await bodies(queue)).length).toBe(202)
})

it('the oldest go by the limit, acknowledged ones without being counted as lost', async () => {
  const queue = 'ring'
  await broker.api.put(queue, { retention: { ...retention, maxMessages: 10, onLimit: 'DropOldest' } })
  const puller = await broker.puller(queue)
  await broker.publish(queue, ...numbered(10))
  for (const message of await puller.take(6)) await message.settle()
  await broker.publish(queue, ...numbered(8, 'n'))
  expect(await bodies(queue)).toEqual(['m8', 'm9', ...numbered(8, 'n')])
  // m6 and m7 were never acknowledged.
  await eventually(async () => expect(await broker.api.metric('pillion_queue_dropped_total', { queue })).toBe(2))
  expect((await puller.take(10)).map(({ text }) => text)).toEqual(['m8', 'm9', ...numbered(8, 'n')])
})
