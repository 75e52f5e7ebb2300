/**
 * Copies messages of the queue `from` to `one` and `two`, so many at a time, and prints `{"rate": …, "p50": …, "p99": …}`: copies a second,
 * and milliseconds of each. `transaction`: by a transaction of two sends and an acknowledgement; `separate`: by two publishes and, when both
 * are confirmed, a double acknowledgement, which a crash may leave half done.
 */
import { jetstream, type JsMsg } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { quantile } from '../quantiles.ts'
import { transactions } from '../../../sidecar/client/transaction.ts'

/** Copied before those that count, so that what is slow once is over. */
const WARM_UP = 100
/** In hand at most, so that nobody waits for a delivery. */
const MAX_MESSAGES = 500

const [url, how, flights, count] = process.argv.slice(2)
if (count === undefined || (how !== 'transaction' && how !== 'separate'))
  throw new Error('usage: tx.ts <url> transaction|separate <in flight> <messages>')
const inFlight = Number(flights)
const messages = Number(count)

const connection = await connect({ servers: url ?? '', maxReconnectAttempts: 0 })
const js = jetstream(connection)
const transaction = transactions(connection)
const consumer = await js.consumers.get('from', 'workers')

const copy = {
  transaction: async (message: JsMsg): Promise<void> => {
    await transaction((tx) => {
      tx.send('one', message.data)
      tx.send('two', message.data)
      tx.ack(message)
    })
  },
  separate: async (message: JsMsg): Promise<void> => {
    await Promise.all([js.publish('q.one', message.data), js.publish('q.two', message.data)])
    if (!(await message.ackAck())) throw new Error('an acknowledgement was not confirmed')
  },
}[how]

const inHand: JsMsg[] = []
const waiting: Array<(message: JsMsg) => void> = []
await consumer.consume({
  max_messages: MAX_MESSAGES,
  expires: 10_000,
  idle_heartbeat: 5000,
  callback: (message) => {
    const next = waiting.shift()
    if (next === undefined) inHand.push(message)
    else next(message)
  },
})
const received = async (): Promise<JsMsg> =>
  inHand.shift() ?? (await new Promise<JsMsg>((resolve) => waiting.push(resolve)))

const times: number[] = []
async function run(total: number): Promise<number> {
  const started = performance.now()
  let begun = 0
  const work = async (): Promise<void> => {
    while (begun++ < total) {
      const message = await received()
      const from = performance.now()
      await copy(message)
      times.push(performance.now() - from)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, work))
  return (performance.now() - started) / 1000
}

await run(WARM_UP)
times.length = 0
const seconds = await run(messages)
await connection.close()
const sorted = times.toSorted((a, b) => a - b)
process.stdout.write(
  `${JSON.stringify({ rate: messages / seconds, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) })}\n`,
)
