import { errors, type NatsConnection, type RequestOptions, type Msg, type Payload } from '@nats-io/transport-node'

/**
 * Has the requests of a connection fail as soon as the connection is lost, instead of waiting out their time-outs for answers that
 * cannot come any more: what waits for them would stand still for seconds after nats-server is back.
 *
 * @returns to be called when the connection is lost
 */
export function failLostRequests(connection: NatsConnection): () => void {
  const request = connection.request.bind(connection)
  const waiting = new Set<(error: Error) => void>()
  connection.request = (subject: string, payload?: Payload, options?: RequestOptions): Promise<Msg> => {
    const { promise: lost, reject } = Promise.withResolvers<never>()
    waiting.add(reject)
    return Promise.race([request(subject, payload, options), lost]).finally(() => waiting.delete(reject))
  }
  return () => {
    for (const reject of waiting) reject(new errors.RequestError('the connection was lost before the answer came'))
    waiting.clear()
  }
}
