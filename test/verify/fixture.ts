import { AckPolicy, jetstreamManager, type JetStreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { type PlainNatsServer, startNatsServer } from '../harness/nats-server.ts'

export interface PlainQueue extends AsyncDisposable {
  readonly server: PlainNatsServer
  readonly connection: NatsConnection
  readonly manager: JetStreamManager
}

/** What the verifier tests run against: a workqueue stream `orders` and its durable consumer `workers`, on a plain nats-server. */
export async function startPlainQueue(...subjects: string[]): Promise<PlainQueue> {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await startNatsServer())
  const connection = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 200 })
  stack.defer(() => connection.close())
  const manager = await jetstreamManager(connection)
  await manager.streams.add({
    name: 'orders',
    subjects: subjects.length === 0 ? ['q.orders'] : subjects,
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
  })
  await manager.consumers.add('orders', {
    durable_name: 'workers',
    ack_policy: AckPolicy.Explicit,
    ack_wait: 2_000_000_000,
  })
  const keep = stack.move()
  return { server, connection, manager, [Symbol.asyncDispose]: () => keep.disposeAsync() }
}
