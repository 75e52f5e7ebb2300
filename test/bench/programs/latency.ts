/**
 * Publishes at a steady rate to a queue that a consumer waits on, with the stock client, and prints
 * `{"p50": …, "p99": …, "p99.9": …}`: milliseconds from each publish to its delivery. The same program for both sides.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { jetstream } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { subjectOf } from '../modes.ts'
import { quantile } from '../quantiles.ts'

/** Published before those that count, so that what is slow once is over. Seconds. */
const WARM_UP_S = 1
const MIN_BYTES = 4

const [url, stream, consumerName, side, count, size, aSecond] = process.argv.slice(2)
if (aSecond === undefined)
  throw new Error('usage: latency.ts <url> <stream> <consumer> <mode | raw> <messages> <size> <messages a second>')
const rate = Number(aSecond)
const warmUp = WARM_UP_S * rate
const messages = Number(count) + warmUp
const subject = subjectOf(side ?? '')

const connection = await connect({ servers: url ?? '', maxReconnectAttempts: 0 })
const js = jetstream(connection)
const consumer = await js.consumers.get(stream ?? '', consumerName ?? '')
const published = new Float64Array(messages)
const latencies = new Float64Array(messages)
const all = Promise.withResolvers<void>()
let delivered = 0

const subscription = await consumer.consume({
  max_messages: 100,
  expires: 10_000,
  idle_heartbeat: 5000,
  callback: (message) => {
    const now = performance.now()
    const n = new DataView(message.data.buffer, message.data.byteOffset).getUint32(0)
    latencies[n] = now - (published[n] ?? 0)
    message.ack()
    if (++delivered === messages) all.resolve()
  },
})
await connection.flush()

const stored: Array<Promise<unknown>> = []
const started = performance.now()
for (let n = 0; n < messages; n++) {
  const due = started + (n * 1000) / rate
  while (performance.now() < due) await delay(1)
  const body = new Uint8Array(Math.max(MIN_BYTES, Number(size)))
  new DataView(body.buffer).setUint32(0, n)
  published[n] = performance.now()
  stored.push(js.publish(subject(n), body))
}
await Promise.all(stored)
await Promise.race([all.promise, failure(subscription.closed()), failure(connection.closed())])
await connection.close()

const sorted = latencies.subarray(warmUp).toSorted()
const [p50, p99, p999] = [0.5, 0.99, 0.999].map((q) => quantile(sorted, q))
process.stdout.write(`${JSON.stringify({ p50, p99, 'p99.9': p999 })}\n`)

async function failure(closed: Promise<unknown>): Promise<void> {
  const error = await closed
  throw new Error('ended before everything was delivered', { cause: error })
}
