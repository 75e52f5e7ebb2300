/**
 * Consumes and acknowledges what a queue holds, with the stock client, and prints `{"seconds": …}`. The same program for both
 * sides. Time runs from the first pull until the broker has processed everything: the consumer has nothing pending and nothing
 * unacknowledged, and the stream is empty.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'

const [url, stream, consumerName, count, maxMessages] = process.argv.slice(2)
if (maxMessages === undefined) throw new Error('usage: consume.ts <url> <stream> <consumer> <messages> <max_messages>')
const messages = Number(count)

const connection = await connect({ servers: url ?? '', maxReconnectAttempts: 0 })
const consumer = await jetstream(connection).consumers.get(stream ?? '', consumerName ?? '')
const manager = await jetstreamManager(connection)
const all = Promise.withResolvers<void>()
let consumed = 0

const started = performance.now()
const subscription = await consumer.consume({
  max_messages: Number(maxMessages),
  expires: 10_000,
  idle_heartbeat: 5000,
  callback: (message) => {
    message.ack()
    if (++consumed === messages) all.resolve()
  },
})
await Promise.race([all.promise, failure(subscription.closed()), failure(connection.closed())])
await connection.flush()
while (!(await processed())) await delay(2)
const seconds = (performance.now() - started) / 1000

await connection.close()
process.stdout.write(`${JSON.stringify({ seconds, consumed })}\n`)

async function processed(): Promise<boolean> {
  const info = await consumer.info()
  if (info.num_pending > 0 || info.num_ack_pending > 0) return false
  return (await manager.streams.info(stream ?? '')).state.messages === 0
}

async function failure(closed: Promise<unknown>): Promise<void> {
  const error = await closed
  throw new Error('ended before everything was consumed', { cause: error })
}
