import { randomUUID } from 'node:crypto'
import { jetstream } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { BrokerCredentials } from './queue-api.ts'

export interface RoundTripOptions {
  readonly broker: BrokerCredentials
  readonly queue: string
  readonly messages: number
  /** Time for all of it, in milliseconds. */
  readonly timeoutMs: number
}

/**
 * Publishes numbered messages to the Queue and receives them as its consumer group `workers`, as any application would.
 * @throws Error when a message does not come, comes twice or is not as it was sent.
 */
export async function roundTrip({ broker, queue, messages, timeoutMs }: RoundTripOptions): Promise<void> {
  const connection = await connect({
    servers: broker.url,
    user: broker.username,
    pass: broker.password,
    name: 'helm-test',
    timeout: timeoutMs,
    maxReconnectAttempts: 0,
  })
  try {
    const client = jetstream(connection, { timeout: timeoutMs })
    const missing = new Set<string>()
    const run = randomUUID()
    for (let number = 1; number <= messages; number++) {
      const body = `message ${number} of ${messages}`
      await client.publish(`q.${queue}`, body, { msgID: `${run}-${number}` })
      missing.add(body)
    }
    const consumer = await client.consumers.get(queue, 'workers')
    const deadline = Date.now() + timeoutMs
    while (missing.size > 0) {
      const left = deadline - Date.now()
      if (left <= 0) throw new Error(`not received in time: ${[...missing].join(', ')}`)
      // A pull has to wait for one second at least.
      const batch = await consumer.fetch({ max_messages: missing.size, expires: Math.max(1000, left) })
      for await (const message of batch) {
        const body = message.string()
        if (!missing.delete(body)) throw new Error(`received what is not expected (any more): ${JSON.stringify(body)}`)
        if (!(await message.ackAck()))
          throw new Error(`the acknowledgement of ${JSON.stringify(body)} was not confirmed`)
      }
    }
  } finally {
    await connection.close()
  }
}
