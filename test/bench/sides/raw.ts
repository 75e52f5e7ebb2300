import { join } from 'node:path'
import { AckPolicy, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { startNatsServer } from '../../harness/nats-server.ts'
import { MAX_ACK_PENDING, type Side, SYNC_INTERVAL } from './side.ts'

/** JetStream as it comes: a workqueue stream in files, one replica, and a durable pull consumer with explicit acknowledgement. */
export const raw: Side = {
  name: 'raw',
  async start(folder, durability) {
    const server = await startNatsServer({
      storeDir: join(folder, 'raw'),
      sync: durability === 'Always' ? 'always' : SYNC_INTERVAL,
    })
    const connection = await connect({ servers: server.url })
    const manager = await jetstreamManager(connection)
    const subject = 'q.bench'
    await manager.streams.add({
      name: 'bench',
      subjects: [subject],
      retention: RetentionPolicy.Workqueue,
      storage: StorageType.File,
      num_replicas: 1,
    })
    await manager.consumers.add('bench', {
      durable_name: 'workers',
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: MAX_ACK_PENDING,
    })
    await connection.close()
    return {
      url: server.url,
      stream: 'bench',
      consumer: 'workers',
      subject: () => subject,
      async stop() {
        await server.stop()
        await server[Symbol.asyncDispose]()
      },
    }
  },
}
