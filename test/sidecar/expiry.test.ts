import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, numbered, TestBroker, until } from './harness.ts'

// retention.onExpiry DeadLetter: what nobody was done with in time is kept as a dead letter.

const retention = { maxAge: '1s', onExpiry: 'DeadLetter' } as const
const SPEC = { retention, deduplication: { window: '1s' } }

let broker: TestBroker
beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
})
afterAll(() => broker[Symbol.asyncDispose]())

const texts = async (queue: string): Promise<string[]> =>
  (await broker.admin.deadLetters(queue)).map(({ text }) => text).toSorted()

async function isEmpty(queue: string): Promise<void> {
  await eventually(async () => {
    expect((await broker.api.get(queue)).messages).toMatchObject({ ready: 0, inFlight: 0 })
    expect(await broker.admin.messages(queue)).toEqual([])
  })
}

describe('a message that expires', () => {
  it.each([
    ['Fifo', {}, ''],
    ['KeyedFifo', {}, '.key'],
    ['Priority', {}, '.3'],
    ['Lru', {}, '.key'],
    ['Fifo', { type: 'Hierarchical' }, '.eu.acme'],
    ['Fifo', { type: 'Exclusive' }, ''],
  ])('is dead-lettered, in mode %s %j', async (mode, more, rest) => {
    const queue = `x-${mode.toLowerCase()}${'type' in more ? more.type.toLowerCase() : ''}`
    await broker.api.put(queue, { ...SPEC, ...more, ordering: { mode } })
    const js = await broker.js()
    await js.publish(`q.${queue}${rest}`, 'late', { msgID: 'mine' })
    await eventually(async () => expect(await texts(queue)).toEqual(['late']))
    const [letter] = await broker.admin.deadLetters(queue)
    expect(letter?.headers).toMatchObject({
      'Pillion-Dead-Letter-Reason': 'expired',
      'Pillion-Dead-Letter-Group': 'workers',
      'Pillion-Dead-Letter-Attempts': '0',
      'Pillion-Dead-Letter-Msg-Id': 'mine',
    })
    await isEmpty(queue)
    // And the Queue goes on.
    await js.publish(`q.${queue}${rest}`, 'next')
    const puller = await broker.puller(queue)
    const next = await puller.one()
    expect(next.text).toBe('next')
    expect(await next.settle()).toBe('')
    await isEmpty(queue)
    expect(await texts(queue)).toEqual(['late'])
  })

  it('is none that never expires', async () => {
    await broker.api.put('never', SPEC)
    const js = await broker.js()
    await js.publish('q.never', 'kept', { ttl: 'never' })
    await js.publish('q.never', 'late')
    await eventually(async () => expect(await texts('never')).toEqual(['late']))
    const kept = await (await broker.puller('never')).one()
    expect(kept.text).toBe('kept')
    expect(await kept.settle()).toBe('')
    await isEmpty('never')
  })

  it('is not delivered again when it was in flight', async () => {
    await broker.api.put('held', { ...SPEC, retry: { visibilityTimeout: '3s' } })
    await broker.publish('held', 'one')
    const puller = await broker.puller('held')
    await puller.one()
    await eventually(async () => expect(await texts('held')).toEqual(['one']))
    expect(await puller.fetch(1, 4000)).toEqual([])
    await isEmpty('held')
  })

  it('is dead-lettered for the group that was not done with it, and no other', async () => {
    await broker.api.put('groups', { ...SPEC, consumerGroups: [{ name: 'done' }, { name: 'slow' }] })
    await broker.publish('groups', 'one')
    const done = await broker.puller('groups', 'done')
    await (await done.one()).settle()
    await eventually(async () => expect(await texts('groups')).toEqual(['one']))
    const letters = await broker.admin.deadLetters('groups')
    expect(letters.map(({ headers }) => headers['Pillion-Dead-Letter-Group'])).toEqual(['slow'])
    await isEmpty('groups')
  })

  it('that was acknowledged is none', async () => {
    await broker.api.put('quick', SPEC)
    const puller = await broker.puller('quick')
    await broker.publish('quick', ...numbered(20))
    for (const message of await puller.take(20)) await message.settle()
    await delay(3000)
    expect(await texts('quick')).toEqual([])
  })
})

it('each one is dead-lettered once, also when the sidecar is killed meanwhile', async () => {
  await broker.api.put('crowd', SPEC)
  await broker.publish('crowd', ...numbered(600))
  for (const share of [1, 200, 400]) {
    await until('some are dead-lettered', async () => (await broker.admin.deadLetters('crowd')).length >= share)
    await broker.sidecar.kill()
    await broker.sidecar.start()
    await broker.ready()
  }
  await isEmpty('crowd')
  expect(await texts('crowd')).toEqual(numbered(600).toSorted())
})
