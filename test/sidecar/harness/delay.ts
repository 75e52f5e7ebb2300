import { jetstream, type PubAck } from '@nats-io/jetstream'
import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node'

export function headersOf(fields: Readonly<Record<string, string>>): MsgHdrs {
  const all = headers()
  for (const [name, value] of Object.entries(fields)) all.append(name, value)
  return all
}

/** Publishes to `delay.<subject>` as a stock client does. */
export const publishDelayed = (
  client: NatsConnection,
  subject: string,
  body: string,
  fields: Readonly<Record<string, string>>,
): Promise<PubAck> =>
  jetstream(client, { timeout: 20_000 }).publish(`delay.${subject}`, body, { headers: headersOf(fields) })
