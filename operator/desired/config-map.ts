import { DEFAULT_SYNC_INTERVAL, parseDuration, USABLE_STORAGE_PERCENT } from '../../crds/index.ts'
import { natsServerConfig } from '../../crds/protocol/nats-config.ts'
import type { ConfigMap } from '../kube/resources.ts'
import { type Broker, brokerMeta } from './broker.ts'
import { configMapName, MONITOR_PORT, NATS_PORT, podName } from './names.ts'

export const CONFIG_FILE = 'nats.conf'
/** Bytes that JetStream may store, for the sidecar's metrics: nats-server does not tell it to clients. */
export const STORE_LIMIT_KEY = 'store-limit-bytes'
export const STORE_DIR = '/data'
/** Environment variables that nats-server reads the passwords from, so that none stands in a ConfigMap. */
export const CLIENT_PASSWORD_ENV = 'PILLION_CLIENT_PASSWORD'
export const SIDECAR_PASSWORD_ENV = 'PILLION_SIDECAR_PASSWORD'

/**
 * The configuration of a broker's nats-server.
 * @param volumeBytes size of the volume as it is: JetStream may fill the most of it, and no more even where the volume is a folder
 *   of a bigger disk
 */
export function configMap(broker: Broker, volumeBytes: number): ConfigMap {
  const { durability, syncInterval } = broker.spec
  const maxStoreBytes = Math.floor((volumeBytes * USABLE_STORAGE_PERCENT) / 100)
  const config = natsServerConfig({
    serverName: podName(broker.name),
    host: '0.0.0.0',
    port: NATS_PORT,
    monitor: { host: '0.0.0.0', port: MONITOR_PORT },
    storeDir: STORE_DIR,
    maxStoreBytes,
    sync: durability === 'Always' ? 'always' : { intervalMs: parseDuration(syncInterval ?? DEFAULT_SYNC_INTERVAL) },
    clientPassword: { env: CLIENT_PASSWORD_ENV },
    sidecarPassword: { env: SIDECAR_PASSWORD_ENV },
  })
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: brokerMeta(broker, configMapName(broker.name)),
    data: { [CONFIG_FILE]: config, [STORE_LIMIT_KEY]: String(maxStoreBytes) },
  }
}
