import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseQueueSpec } from '../../crds/index.ts'
import { ACK_SUBJECT } from '../../crds/protocol/subjects.ts'
import { type JetStreamAccess, jetStreamAccess } from '../../sidecar/jetstream/access.ts'
import { Metrics } from '../../sidecar/metrics/metrics.ts'
import { QueueMetrics } from '../../sidecar/metrics/queue-metrics.ts'
import { Queue } from '../../sidecar/queue/queue.ts'
import { parseAckSubject } from '../../sidecar/wire/ack-subject.ts'
import { Admin, startNats, until } from './harness.ts'
import type { Nats } from './harness/nats.ts'

// nats-server refuses purges of a Queue that is near its limits.

/** Between two tries, as the purger waits. Milliseconds. */
const RETRY_MS = 250

let nats: Nats
let admin: Admin

beforeAll(async () => {
  nats = await startNats()
  admin = await Admin.connect(nats.url)
})
afterAll(async () => {
  await admin?.connection.close()
  await nats?.[Symbol.asyncDispose]()
})

it('a purge that fails near a limit is tried again after a while, not at once, until it is done', async () => {
  const real = await jetStreamAccess(admin.connection)
  const { streams } = real.manager
  let tries = 0
  let fails = true
  const purge: typeof streams.purge = async (...args) => {
    if (args[0] !== 'full') return streams.purge(...args)
    tries++
    if (!fails) return streams.purge(...args)
    await delay(1)
    throw new Error('the disk is full')
  }
  const faulty = <T extends object>(target: T, name: string, instead: unknown): T =>
    new Proxy(target, {
      get: (object, key) => {
        const value: unknown = key === name ? instead : Reflect.get(object, key, object)
        return typeof value === 'function' && value !== instead ? value.bind(object) : value
      },
    })
  const manager = faulty(real.manager, 'streams', faulty(streams, 'purge', purge))
  const js: JetStreamAccess = { ...real, manager }
  const spec = parseQueueSpec({ retention: { maxMessages: 10 } })
  if (!spec.ok) throw new Error(JSON.stringify(spec.problems))
  const logger = pino({ level: 'silent' })
  const queue = new Queue(js, 'full', spec.value, 1, logger, new QueueMetrics(new Metrics('test'), 'full'))
  await queue.start()
  await real.client.publish('q.full', 'x')
  const acks = js.connection.subscribe(ACK_SUBJECT, {
    callback: (_, message) => {
      const ack = parseAckSubject(message.subject)
      if (ack !== undefined) queue.handleAck(ack, message)
    },
  })
  const message = await (await real.client.consumers.get('full', 'workers_fifo')).next()
  message?.ack()
  await until('it was tried', () => tries > 0)
  const started = performance.now()
  const before = tries
  await delay(3 * RETRY_MS)
  // Nobody may be slower than the clock, so this holds on any machine.
  expect(tries - before).toBeLessThanOrEqual(1 + (performance.now() - started) / RETRY_MS)
  fails = false
  await until('it is gone', async () => (await admin.stream('full')).state.messages === 0)
  acks.unsubscribe()
  await queue.stop()
})
