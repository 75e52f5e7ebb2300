import { setTimeout as delay } from 'node:timers/promises'
import { type Consumer, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { connectTo, VerifierError, watchConnection } from './connect.ts'
import { consume, openGroup } from './consumer.ts'
import { misfit, modeOfStream } from './modes.ts'
import { consumeOneByOne } from './one-by-one.ts'
import { type GivenOptions, withDefaults } from './options.ts'
import { produce } from './producer.ts'
import type { Report } from './report.ts'
import { Run } from './run.ts'

export interface Watch {
  /** Ends the run; the report then says `aborted`. */
  readonly signal?: AbortSignal
  /** Called about once a second with what has been counted so far. */
  readonly onProgress?: (report: Report) => void
}

const TICK_MS = 100
const PROGRESS_MS = 1000
const FLUSH_MS = 2000

/**
 * Publishes numbered messages to a Queue while consuming them, and counts what became of them. The run ends when everything that
 * was acknowledged was delivered and the group holds nothing more, or when nothing new came for `settleMs`.
 *
 * @throws VerifierError when the run cannot be done: no connection, no such group, a Queue that holds messages of others.
 */
export async function runVerifier(given: GivenOptions, watch: Watch = {}): Promise<Report> {
  const run = new Run(withDefaults(given))
  const abort = (): void => run.end()
  watch.signal?.addEventListener('abort', abort, { once: true })
  if (watch.signal?.aborted) abort()
  await using connections = new AsyncDisposableStack()
  connections.defer(() => watch.signal?.removeEventListener('abort', abort))

  const opened: NatsConnection[] = []
  const open = async (name: string): Promise<NatsConnection> => {
    const connection = await connectTo(run.options, name)
    connections.defer(() => connection.close())
    opened.push(connection)
    void watchConnection(
      connection,
      () => run.disturbed(),
      () => run.reconnected(),
    )
    void failWhenClosed(run, connection, name)
    return connection
  }
  const deliveries = await open('consumers')
  const group = await openGroup(run, deliveries)
  await refuseWrongMode(run, deliveries)
  await refuseForeign(run, group)
  const producers: NatsConnection[] = []
  for (let i = 0; i < run.options.producers; i++) producers.push(await open(`producer-${i}`))

  const consuming = Array.from({ length: run.options.consumers }, () =>
    run.options.oneByOne ? consumeOneByOne(run, open) : consume(run, deliveries),
  )
  const publishing = Promise.all(producers.map((connection, i) => produce(run, connection, i)))
  let left: number | null = null
  try {
    await untilDelivered(run, publishing, watch.onProgress)
    left = await untilEmpty(run, group)
  } finally {
    run.end()
    await Promise.allSettled([...consuming, publishing])
  }
  // What was acknowledged last gets to the server before its connection closes, unless the server is away.
  await Promise.race([Promise.allSettled(opened.map((connection) => connection.flush())), delay(FLUSH_MS)])
  if (run.failure !== undefined) throw run.failure
  return run.report(left, watch.signal?.aborted ?? false)
}

async function untilDelivered(run: Run, publishing: Promise<unknown>, onProgress: Watch['onProgress']): Promise<void> {
  let nextProgress = performance.now() + PROGRESS_MS
  let published = false
  while (run.consuming) {
    published ||= await Promise.race([publishing.then(() => true), delay(TICK_MS, false)])
    if (published && (run.ledger.balanced || run.sinceNew > run.options.settleMs)) return
    if (published) await delay(TICK_MS)
    else if (run.sinceAcknowledged > run.options.giveUpMs) run.stopPublishing()
    if (performance.now() >= nextProgress) {
      nextProgress = performance.now() + PROGRESS_MS
      onProgress?.(run.report(null, false))
    }
  }
}

/** A connection that cannot come back (credentials that are no longer taken) ends the run. */
async function failWhenClosed(run: Run, connection: NatsConnection, name: string): Promise<void> {
  const error = await connection.closed()
  if (error && run.consuming) run.fail(new VerifierError(`the connection ${name} was closed: ${error.message}`))
}

/**
 * Goes on consuming until the group holds nothing: acknowledgements that a fault swallowed come back as redeliveries after the
 * visibility timeout, and a run should not leave them to the next. Returns what is left.
 */
async function untilEmpty(run: Run, group: Consumer): Promise<number | null> {
  let left: number | null = null
  const patience = performance.now() + run.options.settleMs
  do {
    left = await held(group)
    if (left === 0 || (left !== null && !run.ledger.balanced)) return left
    await delay(5 * TICK_MS)
  } while (run.consuming && performance.now() < patience)
  return left
}

/** A check of the wrong order would accuse; where the stream cannot be looked at, it is on the caller. */
async function refuseWrongMode({ options }: Run, connection: NatsConnection): Promise<void> {
  const { mode, levels, queue } = options
  const manager = await jetstreamManager(connection, { checkAPI: false })
  const stream = await manager.streams.info(queue).catch(() => undefined)
  const problem = stream && misfit(mode, levels, queue, modeOfStream(queue, stream.config))
  if (problem !== undefined) throw new VerifierError(problem)
}

async function refuseForeign(run: Run, group: Consumer): Promise<void> {
  if (run.options.foreign === 'ack') return
  const left = await held(group)
  if (left === null || left === 0) return
  const { options } = run
  throw new VerifierError(
    `group ${options.group} of Queue ${options.queue} holds ${left} messages: the verifier would take them from whom they are meant for; ` +
      'give it a Queue of its own or an empty one, or --foreign ack to consume them',
  )
}

/** Messages that the group has to deliver or waits to be acknowledged; null when it cannot be asked. */
async function held(group: Consumer): Promise<number | null> {
  try {
    const info = await group.info()
    return info.num_pending + info.num_ack_pending
  } catch {
    return null
  }
}
