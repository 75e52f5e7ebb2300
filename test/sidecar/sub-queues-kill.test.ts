import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually, TestBroker, until } from './harness.ts'

let broker: TestBroker

beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

it('kill -9 between an acknowledgement and its purge: a sub-queue keeps its lane, also where another waits for one', async () => {
  for (let round = 0; round < 2; round++) {
    const queue = `kept${round}`
    await broker.api.put(queue, { type: 'Hierarchical', hierarchy: { maxSubQueues: 1 } })
    const js = await broker.js()
    await js.publish(`q.${queue}.z`, 'first')
    const puller = await broker.puller(queue)
    const first = await puller.one()
    // It waits for a lane, and comes before the other in the list of sub-queues.
    await js.publish(`q.${queue}.a`, 'second')
    expect(await first.settle()).toBe('')
    await broker.sidecar.kill()
    const left = (await broker.admin.stream(queue)).state.messages
    await broker.sidecar.start()
    await broker.ready()
    const after = await broker.puller(queue)
    const got: string[] = []
    await until('the second comes', async () => {
      for (const message of await after.fetch(10, 300)) {
        got.push(message.text)
        await message.settle()
      }
      return got.includes('second')
    })
    got.push(...(await after.fetch(10, 1500)).map(({ text }) => text))
    expect({ left, got }).toEqual({ left, got: ['second'] })
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
  }
})
