import { errors, type Payload, type RequestOptions } from '@nats-io/transport-node'

/** Of a connection, what is needed here. */
export interface Requests<Answer> {
  request: (subject: string, payload?: Payload, options?: RequestOptions) => Promise<Answer>
}

/** To be told when the connection is lost, and when it is there again. */
export interface LostRequests {
  readonly lost: () => void
  readonly found: () => void
}

/**
 * Has requests fail at once where the connection is lost before their answer, or is lost already. The client library would have them
 * wait out their time-outs, and drops what was asked meanwhile: what waits for them would stand still for seconds after nats-server is
 * back.
 */
export function failLostRequests<Answer>(connection: Requests<Answer>): LostRequests {
  const request = connection.request.bind(connection)
  const waiting = new Set<(error: Error) => void>()
  let isLost = false
  connection.request = (subject, payload, options) => {
    if (isLost) return Promise.reject(new errors.RequestError('nats-server is not reached'))
    const { promise: lost, reject } = Promise.withResolvers<never>()
    waiting.add(reject)
    return Promise.race([request(subject, payload, options), lost]).finally(() => waiting.delete(reject))
  }
  return {
    lost: () => {
      isLost = true
      for (const reject of waiting) reject(new errors.RequestError('the connection was lost before the answer came'))
      waiting.clear()
    },
    found: () => {
      isLost = false
    },
  }
}
