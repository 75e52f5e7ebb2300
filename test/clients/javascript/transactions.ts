// Copies the messages of a Queue to two others, each once: the copies and the acknowledgement of the original are one transaction.
// node transactions.ts <url> <from> <to> <to> <count>
import { type Consumer, type JsMsg, jetstream, JetStreamError } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { transactions } from 'pillion/client'

const [servers = '', from = '', one = '', two = '', count = '0'] = process.argv.slice(2)
const connection = await connect({ servers })
const transaction = transactions(connection)
const consumer = await jetstream(connection).consumers.get(from, 'workers')
for (let copied = 0; copied < Number(count); ) {
  const message = await next(consumer)
  if (message === null) continue
  await transaction((tx) => {
    tx.send(one, message.string(), { headers: { origin: `${from} ${message.seq}` } })
    tx.send(two, message.data)
    tx.ack(message)
  })
  copied++
}
await connection.close()

/** A request that a broker took with it when it ended is told by the client as heartbeats that were missed: asked again. */
async function next(consumer: Consumer): Promise<JsMsg | null> {
  try {
    return await consumer.next({ expires: 5000 })
  } catch (error) {
    if (error instanceof JetStreamError) return null
    throw error
  }
}
