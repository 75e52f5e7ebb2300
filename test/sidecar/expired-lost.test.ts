import { setImmediate as turn } from 'node:timers/promises'
import type { Payload } from '@nats-io/transport-node'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseQueueSpec } from '../../crds/index.ts'
import { API_PREFIX } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../../sidecar/jetstream/access.ts'
import { Metrics } from '../../sidecar/metrics/metrics.ts'
import { QueueMetrics } from '../../sidecar/metrics/queue-metrics.ts'
import { Queue } from '../../sidecar/queue/queue.ts'
import { until } from './harness.ts'
import { type BareBroker, startBareBroker } from './harness/bare-broker.ts'
import { over } from './harness/over.ts'

let broker: BareBroker
beforeAll(async () => {
  broker = await startBareBroker()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const bodyOf = (payload: Payload | undefined): string =>
  typeof payload === 'string' ? payload : new TextDecoder().decode(payload)

/** Hands on a broker by which, once `hang` was called, publishes and reads of the second message have no answer until the connection is lost. */
function losing(real: JetStreamAccess): {
  readonly js: JetStreamAccess
  readonly hang: () => void
  readonly waiting: () => number
  readonly lose: () => void
} {
  let hangs = false
  const waiting: Array<(error: Error) => void> = []
  const answer = <T>(work: () => Promise<T>): Promise<T> =>
    hangs ? new Promise<T>((_, fail) => waiting.push(fail)) : work()
  const { client, connection } = real
  const js: JetStreamAccess = {
    ...real,
    client: over(client, { publish: (...args) => answer(() => client.publish(...args)) }),
    connection: over(connection, {
      request: (...args) =>
        args[0].startsWith(`${API_PREFIX}.STREAM.MSG.GET`) && bodyOf(args[1]).includes('"seq":2')
          ? answer(() => connection.request(...args))
          : connection.request(...args),
    }),
  }
  return {
    js,
    hang: () => (hangs = true),
    waiting: () => waiting.length,
    lose: () => {
      hangs = false
      for (const fail of waiting.splice(0)) fail(new Error('the connection was lost'))
    },
  }
}

it('nats-server is lost while what expired is dead-lettered: every failure is heard of, and it is done later', async () => {
  const unheard: unknown[] = []
  const listener = (error: unknown): void => void unheard.push(error)
  const parsed = parseQueueSpec({
    retention: { maxAge: '1s', onExpiry: 'DeadLetter', maxBytes: '1Mi' },
    deduplication: { window: '1s' },
  })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  const hands = losing(broker.js)
  const logger = pino({ level: 'silent' })
  const queue = new Queue(hands.js, 'late', parsed.value, 1, logger, new QueueMetrics(new Metrics('test'), 'late'))
  await queue.start()
  try {
    for (const text of ['a', 'b', 'c']) await broker.js.client.publish('q.late', text)
    const [last] = (await broker.admin.messages('late')).slice(-1)
    expect(last?.text).toBe('c')
    const { state } = await broker.admin.stream('late')
    await until('they are old', async () => Date.now() > Date.parse(state.last_ts) + 1100)
    process.prependListener('unhandledRejection', listener)
    hands.hang()
    const sweeping = queue.sweep(performance.now()).then(
      () => 'done',
      (error: Error) => error.message,
    )
    await until('it waits for an answer', async () => hands.waiting() > 0)
    hands.lose()
    expect(await sweeping).toBe('the connection was lost')
    await turn()
    expect(unheard).toEqual([])
    await queue.sweep(performance.now())
    expect((await broker.admin.deadLetters('late')).map(({ text }) => text)).toEqual(['a', 'b', 'c'])
  } finally {
    process.removeListener('unhandledRejection', listener)
    await queue.stop()
  }
})
