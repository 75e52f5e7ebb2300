import { join } from 'node:path'
import { AckPolicy, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { startEmbedded } from '../../harness/embedded.ts'
import { startNatsServer } from '../../harness/nats-server.ts'
import type { Durability } from '../row.ts'
import { queue } from './ours.ts'
import { MAX_ACK_PENDING, type Side, SYNC_INTERVAL } from './side.ts'

/** A broker with three queues, to copy from one to two. */
export interface Copying {
  readonly name: Side['name']
  /** How a copy is made. */
  readonly how: 'transaction' | 'separate'
  start(folder: string, durability: Durability): Promise<{ readonly url: string; stop(): Promise<void> }>
}

const QUEUES = ['from', 'one', 'two']

export const oursCopying: Copying = {
  name: 'ours',
  how: 'transaction',
  async start(folder, durability) {
    const manifests = QUEUES.map((name) => queue(name, durability, 'Fifo')).join('---\n')
    const embedded = await startEmbedded({ manifests, data: join(folder, 'ours') })
    return {
      url: embedded.url,
      stop: async () => {
        await embedded[Symbol.asyncDispose]()
      },
    }
  },
}

/** JetStream as it comes has no transactions: the same without one. */
export const rawCopying: Copying = {
  name: 'raw',
  how: 'separate',
  async start(folder, durability) {
    const server = await startNatsServer({
      storeDir: join(folder, 'raw'),
      sync: durability === 'Always' ? 'always' : SYNC_INTERVAL,
    })
    const connection = await connect({ servers: server.url })
    const manager = await jetstreamManager(connection)
    for (const name of QUEUES) {
      await manager.streams.add({
        name,
        subjects: [`q.${name}`],
        retention: RetentionPolicy.Workqueue,
        storage: StorageType.File,
        num_replicas: 1,
      })
    }
    await manager.consumers.add('from', {
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
  },
}
