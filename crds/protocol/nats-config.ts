import { CLIENT_SUBSCRIBE, clientPublish, MAX_PAYLOAD_BYTES, subjectMappings } from './subjects.ts'

/** How nats-server is told who a user is: a literal (embedded mode) or the name of an environment variable. */
export type PasswordSource = { readonly env: string } | { readonly literal: string }

export interface NatsServerConfig {
  readonly serverName: string
  readonly host: string
  readonly port: number
  /** Monitoring (`/healthz`, `/varz`); left out, nothing listens. */
  readonly monitor?: { readonly host: string; readonly port: number }
  /** JetStream's folder; the whole of the broker's state. */
  readonly storeDir: string
  /** Bytes that JetStream may store; left out, nats-server takes what the disk has. */
  readonly maxStoreBytes?: number
  /** `always`: fsync before a publish is acknowledged; else the interval between syncs in milliseconds. */
  readonly sync: 'always' | { readonly intervalMs: number }
  readonly sidecarPassword: PasswordSource
  /** Left out: whoever connects without credentials is the client user (embedded mode, loopback only). */
  readonly clientPassword?: PasswordSource
}

/**
 * The whole configuration of a broker's nats-server: two users, static subject mappings, JetStream. Pure; the operator puts it
 * in a ConfigMap and embedded mode in a file.
 */
export function natsServerConfig(config: NatsServerConfig): string {
  const monitor =
    config.monitor === undefined ? [] : [`http: ${quote(`${config.monitor.host}:${config.monitor.port}`)}`]
  const maxStore = config.maxStoreBytes === undefined ? [] : [`  max_file_store: ${config.maxStoreBytes}`]
  const clientPassword = config.clientPassword ?? { literal: 'client' }
  // A sync for each publish is what the sidecar spares; where there is none, it would only be in the way.
  const puts = config.sync === 'always'
  return [
    `server_name: ${quote(config.serverName)}`,
    `host: ${quote(config.host)}`,
    `port: ${config.port}`,
    ...monitor,
    `max_payload: ${MAX_PAYLOAD_BYTES}`,
    'jetstream {',
    `  store_dir: ${quote(config.storeDir)}`,
    ...maxStore,
    `  sync_interval: ${config.sync === 'always' ? 'always' : quote(`${config.sync.intervalMs}ms`)}`,
    '}',
    'mappings {',
    ...subjectMappings(puts).map(([from, to]) => `  ${quote(from)}: ${quote(to)}`),
    '}',
    ...(config.clientPassword === undefined ? ['no_auth_user: client'] : []),
    'authorization {',
    '  users: [',
    `    {user: sidecar, password: ${password(config.sidecarPassword)}}`,
    `    {user: client, password: ${password(clientPassword)}, permissions: {`,
    `      publish: {allow: ${list(clientPublish(puts))}}`,
    `      subscribe: {allow: ${list(CLIENT_SUBSCRIBE)}}`,
    '    }}',
    '  ]',
    '}',
    '',
  ].join('\n')
}

// nats-server reads a bare $NAME from the environment; in quotes it would be taken literally.
const password = (source: PasswordSource): string => ('env' in source ? `$${source.env}` : quote(source.literal))
const quote = (text: string): string => JSON.stringify(text)
const list = (items: readonly string[]): string => `[${items.map(quote).join(', ')}]`
