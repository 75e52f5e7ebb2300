import { connect, type NatsConnection } from '@nats-io/transport-node'
import type { VerifierOptions } from './options.ts'

/** The run could not be done; the message says why and what to do. */
export class VerifierError extends Error {
  override readonly name = 'VerifierError'
}

/**
 * A connection that comes back by itself for as long as the run lasts. Addresses that the server tells of are ignored: behind a
 * port-forward or a Service only the given one can be reached.
 */
export async function connectTo(options: VerifierOptions, name: string): Promise<NatsConnection> {
  try {
    return await connect({
      servers: options.server,
      name: `pillion-verify-${name}`,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 200,
      reconnectJitter: 100,
      ignoreClusterUpdates: true,
      // A peer that went without closing the connection, as behind a port-forward, is noticed within 6 s.
      pingInterval: 2000,
      maxPingOut: 2,
      timeout: 5000,
      ...(options.user === undefined ? {} : { user: options.user }),
      ...(options.password === undefined ? {} : { pass: options.password }),
    })
  } catch (error) {
    throw new VerifierError(
      `cannot connect to ${options.server}: ${reason(error)}; check --server, and --user and --password if the broker asks for them`,
      { cause: error },
    )
  }
}

/** Calls `lost` each time that `connection` breaks, and `back` when it is there again. Ends when the connection is closed. */
export async function watchConnection(connection: NatsConnection, lost: () => void, back: () => void): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === 'disconnect') lost()
    if (status.type === 'reconnect') back()
  }
}

export const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))
