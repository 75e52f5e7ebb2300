// Runs in a pod: a consumer that gives back every message whose body starts with FAILS_ON, and acknowledges the others.
import { readFileSync } from 'node:fs'
import { jetstream } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'

const { CREDENTIALS = '', QUEUE = '', FAILS_ON = '' } = process.env
const credential = (name: string): string => readFileSync(`${CREDENTIALS}/${name}`, 'utf8')
const connection = await connect({
  servers: credential('url'),
  user: credential('username'),
  pass: credential('password'),
  maxReconnectAttempts: -1,
})
process.once('SIGTERM', () => void connection.close())
const group = await jetstream(connection).consumers.get(QUEUE, 'workers')
for await (const message of await group.consume()) {
  const fails = FAILS_ON !== '' && message.string().startsWith(FAILS_ON)
  console.log(fails ? 'failed on' : 'did', message.string())
  if (fails) message.nak()
  else message.ack()
}
