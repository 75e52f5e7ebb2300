import { join } from 'node:path'
import { AckPolicy, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { startNatsServer } from '../../harness/nats-server.ts'
import type { Durability } from '../row.ts'
import { groupNames, MAX_ACK_PENDING, type Side, SYNC_INTERVAL } from './side.ts'

/**
 * JetStream as it comes: streams in files, one replica, that take `q.<name>`, and of the first of them durable pull consumers with explicit
 * acknowledgement. With one consumer they are workqueues, with more messages stay until every one has acknowledged them.
 */
export async function startRaw(
  folder: string,
  durability: Durability,
  [consumed, ...others]: readonly [string, ...string[]],
  consumers: readonly string[] = groupNames(1),
): Promise<{ readonly url: string; readonly pid: number; stop(): Promise<void> }> {
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
      retention: consumers.length > 1 ? RetentionPolicy.Interest : RetentionPolicy.Workqueue,
      storage: StorageType.File,
      num_replicas: 1,
    })
  }
  for (const name of consumers) {
    await manager.consumers.add(consumed, {
      durable_name: name,
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: MAX_ACK_PENDING,
    })
  }
  await connection.close()
  return {
    url: server.url,
    pid: server.pid,
    async stop() {
      await server.stop()
      await server[Symbol.asyncDispose]()
    },
  }
}

export const raw: Side = {
  name: 'raw',
  async start(folder, durability, _mode, groups = 1) {
    const consumers = groupNames(groups)
    const { pid, ...running } = await startRaw(folder, durability, ['bench'], consumers)
    const [consumer] = consumers
    return { ...running, stream: 'bench', consumer, consumers, subject: () => 'q.bench', serverPid: pid }
  },
}
