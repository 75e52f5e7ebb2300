import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SPEC_STREAM } from '../../crds/protocol/subjects.ts'
import { eventually, numbered, TestBroker, until } from './harness.ts'

let broker: TestBroker
let number = 0
let queue = ''

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

beforeEach(async () => {
  queue = `gone${++number}`
  await broker.api.put(queue)
})

const streams = async (): Promise<string[]> =>
  (await broker.admin.streamNames()).filter((name) => name === queue || name.startsWith(`${queue}_`))
const stored = async (): Promise<boolean> =>
  (await broker.admin.messages(SPEC_STREAM)).some(({ subject }) => subject === `PILLION.SPEC.${queue}`)
const isGone = async (): Promise<void> => {
  expect((await broker.api.request('GET', `/queues/${queue}`)).status).toBe(404)
  expect(await stored()).toBe(false)
  const samples = await broker.api.metrics()
  expect(
    samples.filter(({ name, labels }) => labels['queue'] === queue && /messages_|_bytes|paused/.test(name)),
  ).toEqual([])
}

describe('KeepNonEmpty', () => {
  it('deletes an empty Queue, with everything of it', async () => {
    expect(await broker.api.delete(queue, 'KeepNonEmpty')).toMatchObject({ status: 200, json: { deleted: true } })
    expect(await streams()).toEqual([])
    await isGone()
    expect(await broker.api.delete(queue, 'KeepNonEmpty')).toMatchObject({ status: 404 })
    const client = await broker.js()
    await expect(client.publish(`q.${queue}`, 'x')).rejects.toThrow(/jetstream is not enabled|no responders/i)
  })

  it('is what happens without a policy', async () => {
    await broker.publish(queue, 'one')
    expect(await broker.api.delete(queue)).toMatchObject({ status: 409 })
  })

  it('deletes a Queue whose messages are all settled, a moment ago', async () => {
    await broker.publish(queue, ...numbered(50))
    const got = await (await broker.puller(queue)).take(50)
    await Promise.all(got.map((message) => message.settle()))
    expect(await broker.api.delete(queue, 'KeepNonEmpty')).toMatchObject({ status: 200 })
  })

  it('refuses while messages are left, says how many and what to do, and all goes on', async () => {
    await broker.publish(queue, ...numbered(5))
    const puller = await broker.puller(queue)
    const [first] = await puller.take(2)
    expect(await broker.api.delete(queue, 'KeepNonEmpty')).toMatchObject({
      status: 409,
      json: {
        error: {
          code: 'QueueNotEmpty',
          message: expect.stringMatching(/still holds 5 messages \(3 ready, 2 in flight.*Delete or Retain/),
          messages: { ready: 3, inFlight: 2, delayed: 0, deadLettered: 0 },
        },
      },
    })
    // Publishing, consuming and settling go on as before.
    expect(await broker.publish(queue, 'more')).toEqual([6])
    expect(await first?.settle()).toBe('')
    expect((await puller.take(4)).map(({ text }) => text)).toEqual(['m2', 'm3', 'm4', 'more'])
    expect((await broker.api.put(queue)).corrected).toEqual([])
  })

  it.each([
    ['KeyedFifo', {}, '.key'],
    ['Priority', {}, '.7'],
    ['Lru', {}, '.key'],
    ['Fifo', { type: 'Hierarchical' }, '.eu.acme'],
  ])('takes messages again after it refused, in mode %s %j', async (mode, more, rest) => {
    const name = `kept-${mode.toLowerCase()}`
    await broker.api.put(name, { ...more, ordering: { mode } })
    const client = await broker.js()
    await client.publish(`q.${name}${rest}`, 'one')
    expect(await broker.api.delete(name, 'KeepNonEmpty')).toMatchObject({ status: 409 })
    expect(await client.publish(`q.${name}${rest}`, 'two')).toMatchObject({ stream: name, seq: 2 })
    expect(await broker.api.delete(name, 'Delete')).toMatchObject({ status: 200 })
  })

  it('keeps dead letters, and a Queue of that name has them again', async () => {
    await broker.publish(queue, 'bad')
    await (await (await broker.puller(queue)).one()).settle('+TERM')
    expect(await broker.api.delete(queue, 'KeepNonEmpty')).toMatchObject({ status: 200 })
    expect(await streams()).toEqual([`${queue}_dlq`])
    expect(await broker.api.put(queue)).toMatchObject({ messages: { deadLettered: 1 } })
    // The same sequence is dead-lettered again: another message, not a repeated move.
    await broker.publish(queue, 'bad too')
    await (await (await broker.puller(queue)).one()).settle('+TERM')
    expect((await broker.admin.deadLetters(queue)).map(({ text }) => text)).toEqual(['bad', 'bad too'])
  })

  it('never loses a message that is accepted while it is deleted', async () => {
    for (let round = 0; round < 20; round++) {
      await broker.api.put(queue)
      const js = await broker.js()
      const publishes = numbered(20).map((body) =>
        js.publish(`q.${queue}`, body).then(
          () => true,
          () => false,
        ),
      )
      const { status } = await broker.api.delete(queue, 'KeepNonEmpty')
      const accepted = (await Promise.all(publishes)).filter(Boolean).length
      if (status === 200) expect(accepted).toBe(0)
      else {
        expect(status).toBe(409)
        expect((await broker.admin.stream(queue)).state.messages).toBe(accepted)
        await broker.api.delete(queue, 'Delete')
      }
    }
  })
})

describe('Delete', () => {
  it('deletes a Queue with its messages and dead letters', async () => {
    await broker.publish(queue, ...numbered(3))
    await (await (await broker.puller(queue)).one()).settle('+TERM')
    expect(await broker.api.delete(queue, 'Delete')).toMatchObject({ status: 200, json: { deleted: true } })
    expect(await streams()).toEqual([])
    await isGone()
    expect(await broker.api.put(queue)).toMatchObject({ messages: { ready: 0, deadLettered: 0 }, corrected: [] })
    await broker.publish(queue, 'new')
    expect((await (await broker.puller(queue)).one()).text).toBe('new')
  })
})

describe('Retain', () => {
  it('forgets the Queue and keeps its messages; a Queue of that name has them again', async () => {
    await broker.publish(queue, ...numbered(6))
    const puller = await broker.puller(queue)
    const got = await puller.take(4)
    await got[1]?.settle()
    await got[2]?.settle('+TERM')
    expect(await broker.api.delete(queue, 'Retain')).toMatchObject({ status: 200 })
    await isGone()
    expect(await streams()).toEqual([queue, `${queue}_dlq`, `${queue}_settled`])
    const js = await broker.js()
    await expect(js.publish(`q.${queue}`, 'x')).rejects.toThrow(/jetstream is not enabled|no responders/i)
    const own = await broker.puller(queue)
    own.request({ batch: 1, expires: 1e9 })
    expect(await own.next()).toMatchObject({ status: 503 })

    const retry = { visibilityTimeout: '1s' }
    expect(await broker.api.put(queue, { retry }, 1)).toMatchObject({ corrected: [], messages: { deadLettered: 1 } })
    await broker.publish(queue, 'm6')
    const again = await until('all come again', async () => {
      const seen = new Set<string>()
      for (const message of await puller.take(5)) {
        seen.add(message.text)
        await message.settle()
      }
      return seen
    })
    expect([...again].toSorted()).toEqual(['m0', 'm3', 'm4', 'm5', 'm6'])
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
  })
})

describe('at the same time', () => {
  it('a DELETE and a PUT leave either no Queue or one that works', async () => {
    for (let round = 0; round < 10; round++) {
      await broker.api.put(queue)
      await Promise.all([broker.api.delete(queue, 'Delete'), broker.api.tryPut(queue, {}, 2)])
      const { status } = await broker.api.request('GET', `/queues/${queue}`)
      expect(await stored()).toBe(status === 200)
      if (status === 200) {
        await broker.publish(queue, 'one')
        expect(await (await (await broker.puller(queue)).one()).settle()).toBe('')
        await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
      } else expect(await streams()).toEqual([])
    }
  })
})

it.each(['keepnonempty', 'Never', ''])('refuses the policy "%s"', async (policy) => {
  const { status, json } = await broker.api.request('DELETE', `/queues/${queue}?policy=${policy}`)
  expect({ status, json }).toMatchObject({
    status: 400,
    json: {
      error: { code: 'InvalidSpec', field: 'policy', message: expect.stringMatching(/KeepNonEmpty, Delete, Retain/) },
    },
  })
  expect((await broker.api.get(queue)).configured).toBe(true)
})
