import { join } from 'node:path'
import { AckPolicy, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { startNatsServer } from '../../harness/nats-server.ts'
import type { Durability } from '../row.ts'
import { MAX_ACK_PENDING, type Side, SYNC_INTERVAL } from './side.ts'

/**
 * JetStream as it comes: workqueue streams in files, one replica, that take `q.<name>`, and of the first of them a durable pull consumer
 * `workers` with explicit acknowledgement.
 */
export async function startRaw(
  folder: string,
  durability: Durability,
  ...[consumed, ...others]: [string, ...string[]]
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const server = await startNatsServer({
    storeDir: join(folder, 'raw'),
    sync: durability === 'Always' ? 'always' : SYNC_INTERVAL,
  })
  const connection = await connect({ servers: server.url })
  const manager = await jetstreamManager(connection)
  for (const name of [consumed, ...others]) {
    await manager.streams.add({
      name,
      subjects: [`q.${name}`],
      retention: RetentionPolicy.Workqueue,
      storage: StorageType.File,
      num_replicas: 1,
    })
  }
  await manager.consumers.add(consumed, {
    durable_name: 'workers',
    ack_policy: AckPolicy.Explicit,
    max_ack_pending: MAX_ACK_PENDING,
  })
  await connection.close()
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await server[Symbol.asyncDispose]()
    },
  }
}

export const raw: Side = {
  name: 'raw',
  async start(folder, durability) {
    const running = await startRaw(folder, durability, 'bench')
    return { ...running, stream: 'bench', consumer: 'workers', subject: () => 'q.bench' }
  },
}
