import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { Broker } from './sides/side.ts'
import { Window } from '../verify/window.ts'

/** Publishes in flight. JetStream takes 10,000 at once before it drops some. */
const IN_FLIGHT = 2000

/** Stores `messages` messages of `size` bytes in the broker's queue, each acknowledged. */
export async function preload(
  broker: Pick<Broker, 'url' | 'stream' | 'subject'>,
  messages: number,
  size: number,
): Promise<void> {
  const connection = await connect({ servers: broker.url, maxReconnectAttempts: 0 })
  try {
    const js = jetstream(connection)
    const body = new Uint8Array(size).fill(120)
    const window = new Window(IN_FLIGHT)
    const publishes: Array<Promise<void>> = []
    const publish = async (n: number): Promise<void> => {
      try {
        await js.publish(broker.subject(n), body, { timeout: 30_000 })
      } finally {
        window.leave()
      }
    }
    for (let i = 0; i < messages; i++) {
      await window.enter()
      publishes.push(publish(i))
    }
    await Promise.all(publishes)
    const { state } = await (await jetstreamManager(connection)).streams.info(broker.stream)
    if (state.messages !== messages) throw new Error(`${state.messages} of ${messages} messages were stored`)
  } finally {
    await connection.close()
  }
}
