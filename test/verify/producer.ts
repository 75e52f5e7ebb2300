import { setTimeout as delay } from 'node:timers/promises'
import { jetstream } from '@nats-io/jetstream'
import { type NatsConnection, RequestError } from '@nats-io/transport-node'
import type { MessageKey } from './ledger.ts'
import { reason } from './connect.ts'
import { encodeBody, messageId } from './message.ts'
import type { Run } from './run.ts'
import { Window } from './window.ts'

/** Time, in milliseconds, to wait for a PubAck before the message is published again. */
const PUB_ACK_TIMEOUT_MS = 3000
const RETRY_PAUSE_MS = 250

/**
 * Publishes the numbers of one producer in order, `window` in flight. A publish whose PubAck does not come, or says no, is sent
 * again with the same Msg-Id until it is acknowledged or publishing is given up.
 */
export async function produce(run: Run, connection: NatsConnection, producer: number): Promise<void> {
  const js = jetstream(connection)
  const { options, ledger } = run
  const window = new Window(options.window)
  const inFlight = new Set<Promise<void>>()
  const share = ledger.share(producer)
  for (let number = 0; number < share; number++) {
    await run.pace()
    await window.enter()
    if (!run.publishing) break
    const publish = publishUntilAcknowledged(run, js, { producer, number }).finally(() => {
      inFlight.delete(publish)
      window.leave()
    })
    inFlight.add(publish)
  }
  await Promise.all(inFlight)
}

async function publishUntilAcknowledged(run: Run, js: ReturnType<typeof jetstream>, key: MessageKey): Promise<void> {
  const { options } = run
  const body = encodeBody(run.id, key, options.size)
  const subject = run.subject(key)
  while (run.publishing) {
    run.publishSent(key)
    try {
      const ack = await js.publish(subject, body, {
        msgID: messageId(run.id, key),
        timeout: PUB_ACK_TIMEOUT_MS,
      })
      run.publishAcknowledged(key, ack)
      return
    } catch (error) {
      run.publishFailed(explain(error, subject))
      await delay(RETRY_PAUSE_MS)
    }
  }
}

// The client library calls every "no responders" so, also where only the stream is missing or takes no such subject.
const explain = (error: unknown, subject: string): string =>
  error instanceof Error && error.cause instanceof RequestError && error.cause.isNoResponders()
    ? `no stream takes ${subject}`
    : reason(error)
