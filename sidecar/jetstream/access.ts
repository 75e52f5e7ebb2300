import { type JetStreamClient, jetstream, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { API_PREFIX } from '../../crds/protocol/subjects.ts'

/** The sidecar's hands on its broker: past the subject mappings, so that nothing it asks comes back to itself. */
export interface JetStreamAccess {
  readonly connection: NatsConnection
  readonly client: JetStreamClient
  readonly manager: JetStreamManager
  /** How long nats-server may take to answer an API request before it is asked again. Milliseconds. */
  readonly timeoutMs: number
}

const API_TIMEOUT_MS = 5000

export async function jetStreamAccess(connection: NatsConnection): Promise<JetStreamAccess> {
  const options = { apiPrefix: API_PREFIX, timeout: API_TIMEOUT_MS }
  return {
    connection,
    timeoutMs: API_TIMEOUT_MS,
    client: jetstream(connection, options),
    manager: await jetstreamManager(connection, { ...options, checkAPI: false }),
  }
}
