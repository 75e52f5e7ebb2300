import { setTimeout as delay } from 'node:timers/promises'
import { type Consumer, type JsMsg, jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { reason, VerifierError } from './connect.ts'
import type { Delivery } from './ledger.ts'
import { decodeBody } from './message.ts'
import type { Arrival } from './order/order-check.ts'
import type { Run } from './run.ts'

const CONFIRM_TIMEOUT_MS = 5000

/** Opens the group; a Queue or group that is not there is an error that names it. */
export async function openGroup(run: Run, connection: NatsConnection): Promise<Consumer> {
  const { queue, group } = run.options
  try {
    return await jetstream(connection).consumers.get(queue, group)
  } catch (error) {
    throw new VerifierError(
      `cannot open group ${group} of Queue ${queue}: ${reason(error)}; check --queue and --group, and that the Queue is Ready`,
      { cause: error },
    )
  }
}

/**
 * Consumes by streaming until the run ends. The stock client pulls again by itself after an outage; where it gives up (a bad answer to a pull,
 * say), the group is opened again, and that is counted.
 */
export async function consume(run: Run, connection: NatsConnection): Promise<void> {
  while (run.consuming) {
    try {
      const group = await openGroup(run, connection)
      // Short, so that a pull lost in an outage is noticed and sent again after two or three seconds.
      const messages = await group.consume({
        max_messages: 500,
        expires: 3000,
        idle_heartbeat: 1000,
        callback: (message) => receive(run, message),
      })
      const stop = (): void => messages.stop()
      run.ended.addEventListener('abort', stop, { once: true })
      if (!run.consuming) stop()
      const error = await messages.closed()
      run.ended.removeEventListener('abort', stop)
      if (error !== undefined && error !== null) throw error
    } catch {
      if (!run.consuming) return
      run.consumerRestarted()
      await delay(500)
    }
  }
}

function receive(run: Run, message: JsMsg): void {
  const arrival = read(run, message)
  if (arrival === undefined) return
  const now = performance.now()
  // On a shared connection deliveries arrive in the order in which they were made, as if each had been asked for just before.
  run.order.pulled(0, now)(arrival, now)
  if (run.ledger.delivered(arrival)) run.deliveredFirst()
  if (run.options.ack === 'single') message.ack()
  else void confirm(run, message, arrival)
}

/** What `message` is; undefined for one of others, which is dealt with. */
export function read(run: Run, message: JsMsg): Arrival | undefined {
  const key = decodeBody(run.id, message.string(), run.options.size)
  if (key !== undefined && run.ledger.owns(key))
    return run.arrival({ ...key, streamSequence: message.seq, attempt: message.info.deliveryCount })
  if (run.foreign()) message.ack()
  else message.nak()
  return undefined
}

export async function confirm(run: Run, message: JsMsg, delivery: Delivery): Promise<void> {
  try {
    if (await message.ackAck({ timeout: CONFIRM_TIMEOUT_MS })) run.ledger.confirmed(delivery)
  } catch {
    run.confirmFailed()
  }
}
