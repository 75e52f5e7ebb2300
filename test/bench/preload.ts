import { jetstreamManager } from '@nats-io/jetstream'
import { connect, createInbox } from '@nats-io/transport-node'
import type { Broker } from './sides/side.ts'

/** Publishes in flight. JetStream takes 10,000 at once before it drops some. */
const IN_FLIGHT = 2000
/** Of bodies in flight, at most. */
const IN_FLIGHT_BYTES = 16 * 1024 * 1024
/** Without an answer for so long something is wrong. Milliseconds. */
const PATIENCE_MS = 30_000

/** Stores `messages` messages of `size` bytes in the broker's queue, each acknowledged. */
export async function preload(
  broker: Pick<Broker, 'url' | 'stream' | 'subject'>,
  messages: number,
  size: number,
): Promise<void> {
  const connection = await connect({ servers: broker.url, maxReconnectAttempts: 0 })
  try {
    // One inbox for all, since a promise for each would cost more than the publish.
    const inFlight = Math.min(IN_FLIGHT, Math.max(1, Math.floor(IN_FLIGHT_BYTES / size)))
    const body = new Uint8Array(size).fill(120)
    const reply = createInbox()
    const all = Promise.withResolvers<void>()
    let [sent, acknowledged, heardAt] = [0, 0, performance.now()]
    const more = (): void => {
      for (; sent < messages && sent - acknowledged < inFlight; sent++) {
        connection.publish(broker.subject(sent), body, { reply })
      }
      if (acknowledged === messages) all.resolve()
    }
    connection.subscribe(reply, {
      callback: (error, answer) => {
        const text = answer.string()
        if (error !== null || !text.includes('"seq":') || text.includes('"error":')) {
          all.reject(error ?? new Error(`a publish was not acknowledged: ${text || 'nobody takes it'}`))
          return
        }
        acknowledged++
        heardAt = performance.now()
        more()
      },
    })
    const watch = setInterval(() => {
      if (performance.now() - heardAt > PATIENCE_MS) all.reject(new Error('no acknowledgement came'))
    }, 1000)
    more()
    await all.promise.finally(() => clearInterval(watch))
    const { state } = await (await jetstreamManager(connection)).streams.info(broker.stream)
    if (state.messages !== messages) throw new Error(`${state.messages} of ${messages} messages were stored`)
  } finally {
    await connection.close()
  }
}
