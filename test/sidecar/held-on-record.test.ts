import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseQueueSpec } from '../../crds/index.ts'
import { ACK_SUBJECT, laneConsumer, NEXT_SUBJECT } from '../../crds/protocol/subjects.ts'
import { Metrics } from '../../sidecar/metrics/metrics.ts'
import { QueueMetrics } from '../../sidecar/metrics/queue-metrics.ts'
import { Queue } from '../../sidecar/queue/queue.ts'
import { parseAckSubject } from '../../sidecar/wire/ack-subject.ts'
import { Puller, until } from './harness.ts'
import { type BareBroker, startBareBroker } from './harness/bare-broker.ts'

let broker: BareBroker
beforeAll(async () => {
  broker = await startBareBroker()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

it('what is on record, and kept until a transaction is, does not come again where nats-server forgot that it delivered it', async () => {
  const { js, admin } = broker
  const parsed = parseQueueSpec({ retention: { maxBytes: '1Mi' }, retry: { visibilityTimeout: '30s' } })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  const metrics = new QueueMetrics(new Metrics('test'), 'kept')
  const queue = new Queue(js, 'kept', parsed.value, 1, pino({ level: 'silent' }), metrics)
  await queue.start()
  const acks = js.connection.subscribe(ACK_SUBJECT, {
    callback: (_, message) => {
      const ack = parseAckSubject(message.subject)
      if (ack !== undefined) queue.handleAck(ack, message)
    },
  })
  const pulls = js.connection.subscribe(NEXT_SUBJECT, {
    callback: (_, message) => queue.handlePull('workers', message),
  })
  try {
    await using puller = new Puller(admin.connection, 'kept')
    await js.client.publish('q.kept', 'open')
    await queue.holds.hold('a transaction')
    await js.client.publish('q.kept', 'ended')
    const [, ended] = await puller.take(2)
    expect(await ended?.settle()).toBe('')
    queue.lost()
    await admin.manager.consumers.delete('kept', laneConsumer('workers', 'fifo'))
    await queue.start()
    expect((await puller.fetch(10, 1000)).map(({ text }) => text)).toEqual([])
    queue.holds.release('a transaction')
    await queue.sweep(performance.now())
    await until('it is gone', async () => (await admin.stream('kept')).state.messages === 1)
    expect((await puller.fetch(10, 1000)).map(({ text }) => text)).toEqual(['open'])
  } finally {
    acks.unsubscribe()
    pulls.unsubscribe()
    await queue.stop()
  }
})
