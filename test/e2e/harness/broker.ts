import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { API_PREFIX } from '../../../crds/protocol/subjects.ts'
import type { Namespace } from './namespace.ts'
import type { StoredSecret, StoredService } from './objects.ts'

export interface BrokerAddress {
  /** nats://<ClusterIP>:4222: the machine of the cluster reaches Services. */
  readonly url: string
  /** The sidecar's HTTP API. */
  readonly http: string
}

export interface Credentials {
  readonly user: string
  readonly password: string
  /** For the sidecar's HTTP API; only in the sidecar's Secret. */
  readonly token: string | undefined
}

export async function addressOf(namespace: Namespace, broker: string): Promise<BrokerAddress> {
  const { spec } = await namespace.get<StoredService>('service', broker)
  return { url: `nats://${spec.clusterIP}:4222`, http: `http://${spec.clusterIP}:8080` }
}

export async function credentialsOf(
  namespace: Namespace,
  broker: string,
  whose: 'client' | 'sidecar',
): Promise<Credentials> {
  const { data } = await namespace.get<StoredSecret>('secret', `${broker}-${whose}`)
  const text = (key: string): string | undefined => {
    const value = data[key]
    return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8')
  }
  return { user: text('username') ?? '', password: text('password') ?? '', token: text('token') }
}

/** What a client program is told: the address and the client's credentials. */
export async function targetOf(namespace: Namespace, broker: string) {
  const { url } = await addressOf(namespace, broker)
  const { user, password } = await credentialsOf(namespace, broker, 'client')
  return { url, server: url, user, password }
}

/** A connection as the client or the sidecar; the caller closes it. It comes back by itself after an outage. */
export async function connectTo(
  namespace: Namespace,
  broker: string,
  whose: 'client' | 'sidecar' = 'client',
): Promise<NatsConnection> {
  const { url } = await addressOf(namespace, broker)
  const { user, password } = await credentialsOf(namespace, broker, whose)
  return connect({
    servers: url,
    user,
    pass: password,
    name: 'pillion-e2e',
    ignoreClusterUpdates: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 200,
  })
}

/** JetStream's API for the sidecar's user, past the subject mappings. */
export const managerOf = (connection: NatsConnection): Promise<JetStreamManager> =>
  jetstreamManager(connection, { apiPrefix: API_PREFIX, checkAPI: false })
