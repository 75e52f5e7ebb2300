import { jetstream } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { queueSubject } from '../../crds/protocol/subjects.ts'

const EVERY_MS = 2000
/** Every so many messages the consumer fails once, to show a retry. */
const FAILS_AT = 5

/** A small producer and consumer, with the stock client and no credentials, as any application would be. */
export async function runDemo(url: string, queue: string, group: string, signal: AbortSignal): Promise<void> {
  const connection = await connect({ servers: url, name: 'pillion-demo', maxReconnectAttempts: -1 })
  const js = jetstream(connection)
  const consumer = await js.consumers.get(queue, group)
  const messages = await consumer.consume({ expires: 3000, idle_heartbeat: 1000 })
  let number = 0
  const timer = setInterval(() => {
    const id = `demo-${Date.now()}`
    js.publish(queueSubject(queue), `order ${++number}`, { msgID: id }).then(
      ({ seq }) => console.log(`producer  published "order ${number}", stored as ${seq}`),
      (error: unknown) => console.log(`producer  was refused: ${String(error)}`),
    )
  }, EVERY_MS)
  signal.addEventListener('abort', () => {
    clearInterval(timer)
    messages.stop()
  })
  for await (const message of messages) {
    const attempt = message.info.deliveryCount
    if (message.seq % FAILS_AT === 0 && attempt === 1) {
      console.log(`consumer  got "${message.string()}" and fails, to show a retry`)
      message.nak()
    } else {
      console.log(`consumer  got "${message.string()}"${attempt > 1 ? ` (attempt ${attempt})` : ''}, acknowledged`)
      message.ack()
    }
  }
  await connection.close()
}
