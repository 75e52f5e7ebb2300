import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, numbered, type Puller, type QueueInput, TestBroker } from './harness.ts'

let broker: TestBroker
let number = 0
let queue = ''

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

type Group = { name: string; from?: 'New' | 'Oldest' }
const declare = (groups: Group[], rest: QueueInput): Promise<unknown> =>
  broker.api.put(queue, { ...rest, consumerGroups: groups })

async function takeAndSettle(puller: Puller, count: number): Promise<string[]> {
  const got = await puller.take(count)
  for (const message of got) expect(await message.settle()).toBe('')
  return got.map(({ text }) => text)
}

const kept = (count: number): Promise<void> =>
  eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(count))

const modes: Array<[string, QueueInput]> = [
  ['Fifo', {}],
  ['Priority', { ordering: { mode: 'Priority' } }],
]

describe.each(modes)('groups of a Queue, %s', (mode, spec) => {
  it('each see every message, at their own pace, and a message stays until all are done with it', async () => {
    queue = `groups${++number}`
    await declare([{ name: 'workers' }, { name: 'audit' }], spec)
    await broker.publish(queue, ...numbered(50))
    const [workers, audit] = [await broker.puller(queue), await broker.puller(queue, 'audit')]
    expect(await takeAndSettle(workers, 50)).toEqual(numbered(50))
    await kept(50)
    expect((await broker.api.get(queue)).messages).toMatchObject({ ready: 50, inFlight: 0 })
    expect(await takeAndSettle(audit, 20)).toEqual(numbered(20))
    await kept(30)
    await takeAndSettle(audit, 30)
    await kept(0)
  })

  it('dead-letter for themselves', async () => {
    queue = `groups${++number}`
    await declare([{ name: 'workers' }, { name: 'audit' }], spec)
    await broker.publish(queue, 'one')
    await (await (await broker.puller(queue)).one()).settle('+TERM')
    expect(await takeAndSettle(await broker.puller(queue, 'audit'), 1)).toEqual(['one'])
    await kept(0)
    expect((await broker.admin.deadLetters(queue)).length).toBe(1)
  })

  it('that come later begin with the oldest message that is kept, or with the next; also after a restart', async () => {
    queue = `groups${++number}`
    await declare([{ name: 'workers' }], spec)
    await broker.publish(queue, ...numbered(10))
    await takeAndSettle(await broker.puller(queue), 4)
    await kept(6)
    await declare([{ name: 'workers' }, { name: 'old' }, { name: 'new', from: 'New' }], spec)
    await broker.publish(queue, 'next')
    await broker.sidecar.stop()
    await broker.sidecar.start()
    await broker.ready()
    expect(await takeAndSettle(await broker.puller(queue, 'new'), 1)).toEqual(['next'])
    expect(await takeAndSettle(await broker.puller(queue, 'old'), 7)).toEqual([...numbered(10).slice(4), 'next'])
    await kept(7)
    expect(await takeAndSettle(await broker.puller(queue), 7)).toEqual([...numbered(10).slice(4), 'next'])
    await kept(0)
    expect((await broker.admin.deadLetters(queue)).length).toBe(0)
  })

  it('that are removed no longer keep messages, and begin anew when they come back', async () => {
    queue = `groups${++number}`
    const both = [{ name: 'workers' }, { name: 'audit' }]
    await declare(both, spec)
    await broker.publish(queue, ...numbered(10))
    await takeAndSettle(await broker.puller(queue, 'audit'), 10)
    await takeAndSettle(await broker.puller(queue), 6)
    await kept(4)
    await declare([{ name: 'workers' }], spec)
    await declare(both, spec)
    await broker.sidecar.stop()
    await broker.sidecar.start()
    await broker.ready()
    expect(await takeAndSettle(await broker.puller(queue, 'audit'), 4)).toEqual(numbered(10).slice(6))
    await kept(4)
    await declare([{ name: 'audit' }], spec)
    await kept(0)
    await expect((await broker.js()).consumers.get(queue, 'workers')).rejects.toThrow(/not found/)
  })
})
