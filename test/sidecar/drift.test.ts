import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SPEC_STREAM } from '../../crds/protocol/subjects.ts'
import { eventually, numbered, type Puller, TestBroker, until } from './harness.ts'

// What somebody changes behind the sidecar's back is put right, and told once.

let broker: TestBroker
let puller: Puller
let number = 0
let queue = ''

beforeAll(async () => {
  broker = await TestBroker.start()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const retry = { visibilityTimeout: '20s', maxAttempts: 7 }

beforeEach(async () => {
  queue = `drift${++number}`
  await broker.api.put(queue, { retry })
  await broker.publish(queue, ...numbered(5))
  puller = await broker.puller(queue)
})

const corrected = async (): Promise<unknown> => (await broker.api.put(queue, { retry })).corrected
const updateStream = async (name: string, change: object): Promise<void> => {
  const { config } = await broker.admin.stream(name)
  await broker.admin.manager.streams.update(name, { ...config, ...change })
}
const updateLane = async (change: object): Promise<void> => {
  const { config } = await broker.admin.lane(queue)
  await broker.admin.manager.consumers.update(queue, 'workers_fifo', { ...config, ...change })
}
const told = (object: string, message: RegExp): object[] => [{ object, message: expect.stringMatching(message) }]
const allFive = async (): Promise<void> => {
  const got = await puller.take(5)
  expect(got.map(({ text }) => text)).toEqual(numbered(5))
  for (const message of got) expect(await message.settle()).toBe('')
}

describe('a change by hand is put right at the next PUT, and told once', () => {
  it.each<[string, () => Promise<unknown>, () => string, RegExp]>([
    [
      'maxMessages',
      () => updateStream(queue, { max_msgs: 3000 }),
      () => `stream ${queue}`,
      /max_msgs was 3000, set back to 1000000/,
    ],
    ['maxAge', () => updateStream(queue, { max_age: 3600e9 }), () => `stream ${queue}`, /max_age/],
    [
      'a limit a subject',
      () => updateStream(queue, { max_msgs_per_subject: 100 }),
      () => `stream ${queue}`,
      /max_msgs_per_subject/,
    ],
    [
      'the subjects',
      () => updateStream(queue, { subjects: ['elsewhere'] }),
      () => `stream ${queue}`,
      /subjects was \["elsewhere"\]/,
    ],
    ['onLimit', () => updateStream(queue, { discard: 'old' }), () => `stream ${queue}`, /discard/],
    [
      'the deduplication window',
      () => updateStream(queue, { duplicate_window: 1e9 }),
      () => `stream ${queue}`,
      /duplicate_window/,
    ],
    [
      'the dead letters’ maxBytes',
      () => updateStream(`${queue}_dlq`, { max_bytes: 1024 * 1024 }),
      () => `stream ${queue}_dlq`,
      /max_bytes/,
    ],
    [
      'the settlement log’s limits',
      () => updateStream(`${queue}_settled`, { max_age: 600e9 }),
      () => `stream ${queue}_settled`,
      /max_age/,
    ],
    [
      'maxAttempts',
      () => updateLane({ max_deliver: 2 }),
      () => `consumer workers_fifo of stream ${queue}`,
      /max_deliver was 2, set back to 7/,
    ],
    [
      'the visibility timeout',
      () => updateLane({ ack_wait: 1e9 }),
      () => `consumer workers_fifo of stream ${queue}`,
      /ack_wait/,
    ],
    [
      'what may be in flight',
      () => updateLane({ max_ack_pending: 1 }),
      () => `consumer workers_fifo of stream ${queue}`,
      /max_ack_pending/,
    ],
    [
      'the lane’s subject',
      () => updateLane({ filter_subject: 'q.other' }),
      () => `consumer workers_fifo of stream ${queue}`,
      /filter_subject/,
    ],
    [
      'a pause',
      () => broker.admin.manager.consumers.pause(queue, 'workers_fifo', new Date(Date.now() + 3600e3)),
      () => `consumer workers_fifo of stream ${queue}`,
      /pause_until/,
    ],
  ])('%s', async (_, change, object, message) => {
    await change()
    expect(await corrected()).toEqual(told(object(), message))
    expect(await corrected()).toEqual([])
    expect(await broker.api.metric('pillion_queue_drift_corrected_total', { queue })).toBe(1)
    await allFive()
  })

  it('several at once, each told', async () => {
    await updateStream(queue, { max_msgs: 3000, max_age: 3600e9 })
    await updateLane({ max_deliver: 2 })
    await broker.admin.manager.streams.delete(`${queue}_dlq`)
    expect(await corrected()).toEqual(
      expect.arrayContaining([
        ...told(`stream ${queue}`, /max_age.*max_msgs/),
        ...told(`consumer workers_fifo of stream ${queue}`, /max_deliver/),
        ...told(`stream ${queue}_dlq`, /gone/),
      ]),
    )
    expect(await corrected()).toEqual([])
  })
})

describe('what is deleted by hand is found without a PUT, and told at the next one', () => {
  const gone = /it was gone and was made anew/
  it('the stream, of a Queue that nobody uses', async () => {
    await broker.admin.manager.streams.delete(queue)
    await eventually(async () => expect(await broker.admin.streamNames()).toContain(queue))
    expect(await corrected()).toEqual(told(`stream ${queue}`, gone))
    await broker.publish(queue, ...numbered(5))
    await allFive()
  })

  it('the lane: its messages are delivered again, those settled are not', async () => {
    const got = await puller.take(4)
    await got[1]?.settle()
    await got[3]?.settle()
    await broker.admin.manager.consumers.delete(queue, 'workers_fifo')
    const again = await until('the others come again', async () => {
      const messages = await puller.fetch(5, 500)
      return messages.length === 3 && messages
    })
    expect(again.map(({ text }) => text)).toEqual(['m0', 'm2', 'm4'])
    for (const message of again) expect(await message.settle()).toBe('')
    expect(await corrected()).toEqual(told(`consumer workers_fifo of stream ${queue}`, gone))
    await eventually(async () => expect((await broker.admin.stream(queue)).state.messages).toBe(0))
  })

  it('the dead letters’ stream', async () => {
    await broker.admin.manager.streams.delete(`${queue}_dlq`)
    const message = await puller.one()
    await eventually(async () => expect(await broker.admin.streamNames()).toContain(`${queue}_dlq`))
    expect(await corrected()).toEqual(told(`stream ${queue}_dlq`, gone))
    await message.settle('+TERM')
    expect(await broker.admin.deadLetters(queue)).toHaveLength(1)
  })

  it('the settlement log: acknowledgements wait for it, and what is settled stays settled', async () => {
    const got = await puller.take(5)
    await got[1]?.settle()
    await broker.admin.manager.streams.delete(`${queue}_settled`)
    expect(await got[2]?.settle()).toBe('')
    expect(await corrected()).toEqual(told(`stream ${queue}_settled`, gone))
    const onRecord = await broker.admin.onRecord(queue)
    expect([1, 2, 3, 4, 5].filter(onRecord)).toEqual([2, 3])
  })

  it('the stored specs', async () => {
    await broker.admin.manager.streams.delete(SPEC_STREAM)
    await corrected()
    expect((await broker.admin.messages(SPEC_STREAM)).map(({ subject }) => subject)).toContain(`PILLION.SPEC.${queue}`)
    await broker.sidecar.stop()
    await broker.sidecar.start()
    await broker.ready()
    await allFive()
  })

  it('everything at once', async () => {
    for (const name of await broker.admin.streamNames()) await broker.admin.manager.streams.delete(name)
    await corrected()
    await broker.publish(queue, ...numbered(5))
    await allFive()
    expect(await corrected()).toEqual([])
  })
})

it('an observation by GET does not take what is to be told', async () => {
  await updateStream(queue, { max_msgs: 3000 })
  await updateLane({ max_deliver: 2 })
  await broker.admin.manager.streams.delete(`${queue}_dlq`)
  await eventually(async () => expect((await broker.api.get(queue)).corrected).not.toEqual([]))
  expect((await broker.api.get(queue)).corrected).not.toEqual([])
  expect(await corrected()).not.toEqual([])
  expect((await broker.api.get(queue)).corrected).toEqual([])
})
