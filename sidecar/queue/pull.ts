import { JetStreamApiCodes } from '@nats-io/jetstream'
import { headers, type Msg, type NatsConnection } from '@nats-io/transport-node'
import { API_PREFIX } from '../../crds/protocol/subjects.ts'

/** Hands a pull to a lane: nats-server answers it, straight into the client's inbox. */
export function passOnPull(
  connection: NatsConnection,
  stream: string,
  consumer: string,
  pull: { readonly data: Uint8Array | string; readonly reply?: string },
): void {
  const { data, reply } = pull
  if (!reply) return
  connection.publish(`${API_PREFIX}.CONSUMER.MSG.NEXT.${stream}.${consumer}`, data, { reply })
}

/** What nats-server itself answers a consumer info request for a stream or consumer that does not exist. */
export function answerNotFound(message: Msg, what: 'stream' | 'consumer'): void {
  const err_code = what === 'stream' ? JetStreamApiCodes.StreamNotFound : JetStreamApiCodes.ConsumerNotFound
  const error = { code: 404, err_code, description: `${what} not found` }
  message.respond(JSON.stringify({ type: 'io.nats.jetstream.api.v1.consumer_info_response', error }))
}

/** What nats-server itself answers a pull for a consumer that does not exist: nobody listens there. */
export function answerNoResponders(message: Msg): void {
  message.respond(undefined, { headers: headers(503, 'No Responders') })
}
