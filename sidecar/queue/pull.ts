import { JetStreamApiCodes } from '@nats-io/jetstream'
import { headers, type Msg, type NatsConnection } from '@nats-io/transport-node'
import { API_PREFIX } from '../../crds/protocol/subjects.ts'
import { parsePullRequest } from '../wire/pull-request.ts'

const encoder = new TextEncoder()

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

/**
 * From a pull that does not wait to its end, where nats-server would not end it while a message is in flight: long enough for what is
 * ready to be delivered, which is at once. Milliseconds.
 */
const NO_WAIT_MS = 50
const NS_PER_MS = 1e6

/**
 * The pull of a lane with one place in flight. One that does not wait would be left open there by nats-server until that place is
 * free and nothing is left, so it gets an end instead.
 */
export function withEnd(data: Uint8Array | string): Uint8Array | string {
  const body = typeof data === 'string' ? encoder.encode(data) : data
  const request = parsePullRequest(body)
  if (typeof request === 'string' || !request.noWait) return data
  const { batch, maxBytes: max_bytes } = request
  return JSON.stringify({ batch, max_bytes, expires: NO_WAIT_MS * NS_PER_MS })
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
