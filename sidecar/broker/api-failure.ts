import { JetStreamApiError, JetStreamError } from '@nats-io/jetstream'
import { errors } from '@nats-io/transport-node'
import { SidecarError } from '../sidecar-error.ts'

/** nats-server's error codes for a stream that would not fit: the account's or the server's storage. */
const STORAGE_EXCEEDED = [10002, 10028, 10047]
/** nats-server's error code for a stream configuration that it cannot accept. */
const INVALID_STREAM = 10052
/** nats-server's status for what it cannot do now. */
const UNAVAILABLE = 503

/** Turns what nats-server or the connection said into an answer of the HTTP API. */
export function apiFailure(error: unknown): Error {
  if (error instanceof SidecarError) return error
  if (error instanceof JetStreamApiError) {
    if (STORAGE_EXCEEDED.includes(error.code)) {
      return new SidecarError(
        'InvalidSpec',
        `the broker's volume has no room for it (${error.message}); lower spec.retention.maxBytes or spec.deadLetter.maxBytes, or give the broker more storage`,
        { field: 'spec.retention.maxBytes', cause: error },
      )
    }
    if (error.code === INVALID_STREAM)
      return new SidecarError('InvalidSpec', error.message, { field: 'spec', cause: error })
    if (error.status === UNAVAILABLE) {
      return new SidecarError(
        'BrokerNotReady',
        `nats-server cannot do it now (${error.message}); try again in a moment`,
        {
          cause: error,
        },
      )
    }
  }
  const unreached =
    error instanceof errors.TimeoutError ||
    error instanceof errors.ClosedConnectionError ||
    error instanceof errors.ConnectionError ||
    error instanceof errors.NoRespondersError ||
    error instanceof errors.RequestError ||
    error instanceof JetStreamError
  if (unreached) {
    return new SidecarError('BrokerNotReady', `nats-server did not answer (${error.message}); try again in a moment`, {
      cause: error,
    })
  }
  return error instanceof Error ? error : new Error(String(error))
}
