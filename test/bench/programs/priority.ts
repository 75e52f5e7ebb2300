/**
 * Consumes and acknowledges what a queue holds, with the stock client, and publishes an urgent message after every hundred, until all are consumed. Prints
 * `{"rate": …, "p50": …, "p99": …}`: messages a second, and milliseconds from the publish of an urgent one to its delivery. The same program for both sides.
 */
import { jetstream } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { quantile } from '../quantiles.ts'

/** What the client may hold at once: an urgent message does not overtake what it holds. */
const MAX_MESSAGES = 100
/** An urgent one after every so many. */
const EVERY = 100
/** Its body begins with this; those that wait are of the letter x. */
const URGENT = 'urgent '

const [url, stream, consumerName, subject, count, size] = process.argv.slice(2)
if (size === undefined)
  throw new Error('usage: priority.ts <url> <stream> <consumer> <urgent subject> <messages> <size>')
const waiting = Number(count)
const urgents = Math.floor(waiting / EVERY)

const connection = await connect({ servers: url ?? '', maxReconnectAttempts: 0 })
const js = jetstream(connection)
const consumer = await js.consumers.get(stream ?? '', consumerName ?? '')
const published: number[] = []
const latencies: number[] = []
const stored: Array<Promise<unknown>> = []
const all = Promise.withResolvers<void>()
let usual = 0

const publish = (): void => {
  const body = `${URGENT}${published.length} `.padEnd(Number(size), 'x')
  published.push(performance.now())
  const done = js.publish(subject ?? '', body)
  done.catch(all.reject)
  stored.push(done)
}

const started = performance.now()
const subscription = await consumer.consume({
  max_messages: MAX_MESSAGES,
  expires: 10_000,
  idle_heartbeat: 5000,
  callback: (message) => {
    message.ack()
    const [, number] = /^urgent (\d+) /.exec(message.string()) ?? []
    if (number !== undefined) latencies.push(performance.now() - (published[Number(number)] ?? 0))
    else if (++usual % EVERY === 0) publish()
    if (usual === waiting && latencies.length === urgents) all.resolve()
  },
})
await Promise.race([all.promise, failure(subscription.closed()), failure(connection.closed())])
const seconds = (performance.now() - started) / 1000
await Promise.all(stored)
await connection.close()

const sorted = latencies.toSorted((a, b) => a - b)
const rate = (waiting + urgents) / seconds
process.stdout.write(`${JSON.stringify({ rate, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) })}\n`)

async function failure(closed: Promise<unknown>): Promise<void> {
  const error = await closed
  throw new Error('ended before everything was consumed', { cause: error })
}
