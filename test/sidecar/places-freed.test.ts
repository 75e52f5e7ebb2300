import { afterAll, beforeAll, expect, it } from 'vitest'
import { MAX_IN_FLIGHT } from '../../sidecar/lanes/lane.ts'
import { Delivery, TestBroker } from './harness.ts'

// nats-server lets go of what a purge takes from a consumer's messages in flight, and does not look whether it can go on by that.

let broker: TestBroker

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const TOGETHER = 1000
/** Far below the end of the pull, at which all would be well again. */
const WITHIN_MS = 10_000
const PULL_NS = 60e9

async function publish(subject: string, count: number): Promise<void> {
  const js = await broker.js()
  for (let left = count; left > 0; left -= TOGETHER)
    await Promise.all(Array.from({ length: Math.min(left, TOGETHER) }, () => js.publish(subject, 'x')))
}

it('messages in flight up to the limit: acknowledging some of them is followed by the next, to a pull that waits', async () => {
  await broker.api.put('full', { retry: { visibilityTimeout: '5m' } })
  await publish('q.full', MAX_IN_FLIGHT + 1)
  const puller = await broker.puller('full')
  puller.request({ batch: MAX_IN_FLIGHT + 1, expires: PULL_NS })
  const inFlight: Delivery[] = []
  while (inFlight.length < MAX_IN_FLIGHT) {
    const message = await puller.next(WITHIN_MS)
    if (message instanceof Delivery) inFlight.push(message)
  }
  for (const message of inFlight.slice(0, 10)) message.answer()
  expect(await puller.next(WITHIN_MS)).toMatchObject({ sequence: MAX_IN_FLIGHT + 1, attempt: 1 })
})
