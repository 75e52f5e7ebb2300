import { setTimeout as delay } from 'node:timers/promises'
import type { Consumer, JsMsg } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { confirm, openGroup, read } from './consumer.ts'
import type { Arrival, Judge } from './order/order-check.ts'
import type { Run } from './run.ts'

/** Of a pull: short, so that one that is lost in an outage is soon sent again. */
const EXPIRES_MS = 2000
const RETRY_PAUSE_MS = 200
/** One in so many messages is held back, for those that hold. */
const HELD_ONE_IN = 8

/**
 * Consumes until the run ends, one message a pull, on a connection of its own: so it is known which pull brought a message, and what
 * had arrived before that was sent. A consumer that dies says nothing; another one takes its place.
 *
 * @param open makes a connection; they are closed with the run
 */
export async function consumeOneByOne(run: Run, open: (name: string) => Promise<NatsConnection>): Promise<void> {
  while (run.consuming) {
    const consumer = run.newConsumer()
    const connection = await open(`consumer-${consumer}`).catch(() => undefined)
    if (connection === undefined) {
      // The broker is away just now.
      await delay(RETRY_PAUSE_MS)
      continue
    }
    await liveAndDie(run, connection, consumer)
    if (!run.consuming) return
    run.order.vanished?.(consumer)
    // The socket is closed, as the kernel does for a process that was killed; nothing is said before.
    await connection.close()
  }
}

/** Returns when the run has ended, or the consumer has died. */
async function liveAndDie(run: Run, connection: NatsConnection, consumer: number): Promise<void> {
  let group: Consumer | undefined
  while (run.consuming) {
    try {
      group ??= await openGroup(run, connection)
      const judge = run.order.pulled(consumer, performance.now())
      const message = await untilEnded(run, group.next({ expires: EXPIRES_MS }))
      if (message !== null && !(await handle(run, message, consumer, judge))) return
    } catch {
      // Nobody was there to take the pull, or it was lost.
      run.disturbed()
      run.consumerRestarted()
      group = undefined
      if (run.consuming) await delay(RETRY_PAUSE_MS)
    }
  }
}

/** Handles one message; false when the consumer dies of it. */
async function handle(run: Run, message: JsMsg, consumer: number, judge: Judge): Promise<boolean> {
  const arrival = read(run, message)
  if (arrival === undefined) return true
  judge(arrival, performance.now())
  // It does not count as consumed then: whoever gets it next has to.
  if (run.claimsConsumer()) return false
  if (run.ledger.delivered(arrival)) run.deliveredFirst()
  const { holdMs } = run.options
  if (holdMs > 0 && arrival.index % HELD_ONE_IN === 0) await delay(holdMs)
  await answer(run, message, consumer, arrival)
  return true
}

async function answer(run: Run, message: JsMsg, consumer: number, arrival: Arrival): Promise<void> {
  run.order.answered?.(consumer, arrival, performance.now())
  if (run.options.ack === 'double') await confirm(run, message, arrival)
  else message.ack()
}

/** What `pull` brings; null when the run ends before. */
function untilEnded(run: Run, pull: Promise<JsMsg | null>): Promise<JsMsg | null> {
  return new Promise((resolve, reject) => {
    const end = (): void => resolve(null)
    run.ended.addEventListener('abort', end, { once: true })
    if (run.ended.aborted) end()
    pull.then(resolve, reject).finally(() => run.ended.removeEventListener('abort', end))
  })
}
