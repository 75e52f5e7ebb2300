import { afterAll, beforeAll, expect, it } from 'vitest'
import { isFinished, operationSchema } from '../../crds/protocol/operation.ts'
import { TestBroker, until } from './harness.ts'

let broker: TestBroker

beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

/** kill -9 and a stop in good order: what was on record by then is told by the log, and by its snapshot. */
const RESTARTS: ReadonlyArray<{ readonly restarts: ReadonlyArray<'kill' | 'stop'> }> = [
  { restarts: ['kill'] },
  { restarts: ['stop'] },
  { restarts: ['kill', 'stop', 'kill'] },
]

/**
 * nats-server that is killed may forget that it delivered a message, which then is moved as one that waits. Here its acknowledgement is
 * that of a message delivered to nobody, which it looks the same as.
 */
it.each(RESTARTS)(
  'after $restarts no acknowledgement is confirmed of a message that was moved to another Queue',
  async ({ restarts }) => {
    const from = `from-${restarts.join('-')}`
    const to = `to-${restarts.join('-')}`
    const spec = { retry: { visibilityTimeout: '1s' } }
    await broker.api.put(from, spec)
    await broker.api.put(to, spec)
    await broker.publish(from, 'acknowledged', 'moved')
    const puller = await broker.puller(from)
    const first = await puller.one()
    expect(await first.settle()).toBe('')
    await broker.api.put(from, { ...spec, paused: true }, 2)
    const id = 'away'
    await broker.api.request('POST', `/queues/${from}/operations`, {
      body: JSON.stringify({ id, kind: 'move', from: 'messages', to }),
    })
    await until('it is moved', async () =>
      isFinished(operationSchema.parse((await broker.api.request('GET', `/queues/${from}/operations/${id}`)).json)),
    )
    for (const how of restarts) {
      await broker.sidecar[how]()
      await broker.sidecar.start()
      await broker.ready()
    }
    const client = await broker.client()
    const tokens = first.reply.split('.')
    const replyOf = (sequence: number): string => tokens.with(5, String(sequence)).join('.')
    const again = await client.request(replyOf(1), '+ACK', { timeout: 2000 })
    expect(again.string()).toBe('')
    await expect(client.request(replyOf(2), '+ACK', { timeout: 500 })).rejects.toThrow(/timeout/i)
    expect((await (await broker.puller(to)).one()).text).toBe('moved')
  },
)
