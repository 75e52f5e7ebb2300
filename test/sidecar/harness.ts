import { setTimeout as delay } from 'node:timers/promises'
import { jetstream, type JetStreamClient, type PubAck } from '@nats-io/jetstream'
import { connect, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node'
import { Admin } from './harness/admin.ts'
import { Api } from './harness/api.ts'
import { CONNECT_MS, type Nats, type NatsOptions, startNats } from './harness/nats.ts'
import { Puller } from './harness/puller.ts'
import { inProcess, ownProcess, type RunningSidecar, TOKEN } from './harness/sidecar.ts'
import { until } from './harness/wait.ts'

export { Admin } from './harness/admin.ts'
export { Api, type QueueInput } from './harness/api.ts'
export { freePort, startNats } from './harness/nats.ts'
export { Delivery, Puller, type Status } from './harness/puller.ts'
export { TOKEN } from './harness/sidecar.ts'
export { eventually, until } from './harness/wait.ts'

export interface BrokerOptions extends NatsOptions {
  /** As its own process, so that it can be killed; default: in this one. */
  readonly sidecar?: 'inProcess' | 'ownProcess'
}

/** A real broker: nats-server with the project's configuration and the sidecar beside it. */
export class TestBroker implements AsyncDisposable {
  readonly nats: Nats
  readonly sidecar: RunningSidecar
  readonly admin: Admin
  readonly api: Api
  readonly #connections: NatsConnection[] = []
  readonly #clientPassword: string | undefined
  #started: AsyncDisposableStack

  private constructor(
    nats: Nats,
    sidecar: RunningSidecar,
    admin: Admin,
    clientPassword: string | undefined,
    started: AsyncDisposableStack,
  ) {
    this.#clientPassword = clientPassword
    this.#started = started
    this.nats = nats
    this.sidecar = sidecar
    this.admin = admin
    this.api = new Api(() => sidecar.url, TOKEN)
  }

  static async start(options: BrokerOptions = {}): Promise<TestBroker> {
    await using started = new AsyncDisposableStack()
    const nats = started.use(await startNats(options))
    const sidecar = await (options.sidecar === 'ownProcess' ? ownProcess : inProcess)(nats.url)
    started.defer(async () => void (await sidecar.stop()))
    const admin = await Admin.connect(nats.url)
    started.defer(() => admin.connection.close())
    const broker = new TestBroker(nats, sidecar, admin, options.clientPassword, started)
    await broker.ready()
    broker.#started = started.move()
    return broker
  }

  /** Waits until the sidecar says that it is ready, and until the test's own clients are there again too. */
  async ready(): Promise<void> {
    await until('the sidecar is ready', async () => (await this.api.request('GET', '/readyz')).status === 200)
    await Promise.all(this.#connections.map(answered))
  }

  /** A connection as the client user; closed with the broker. */
  async client(options: ConnectionOptions = {}): Promise<NatsConnection> {
    const credentials = this.#clientPassword === undefined ? {} : { user: 'client', pass: this.#clientPassword }
    const connection = await connect({
      servers: this.nats.url,
      name: 'test-client',
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      reconnectJitter: 0,
      timeout: CONNECT_MS,
      waitOnFirstConnect: true,
      ...credentials,
      ...options,
    })
    this.#connections.push(connection)
    return connection
  }

  /** A stock JetStream client as the client user. */
  async js(): Promise<JetStreamClient> {
    return jetstream(await this.client())
  }

  /** A consumer of the queue on a connection of its own. */
  async puller(queue: string, group = 'workers'): Promise<Puller> {
    return new Puller(await this.client(), queue, group)
  }

  /** Publishes as a stock client does, in order; returns the sequences. */
  async publish(queue: string, ...bodies: string[]): Promise<number[]> {
    const connection = await this.client()
    const js = jetstream(connection, { timeout: 20_000 })
    const acks: Array<Promise<PubAck>> = bodies.map((body) => js.publish(`q.${queue}`, body))
    const sequences = (await Promise.all(acks)).map(({ seq }) => seq)
    await connection.close()
    return sequences
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()))
    // The sidecar before the server, or it would wait for it.
    await this.#started.disposeAsync()
  }
}

/** The stock client loses what it is asked to send before it has noticed that its server is back: that tells nothing of the product. */
const answered = (connection: NatsConnection): Promise<boolean> =>
  until('a client is connected', () => connection.isClosed() || Promise.race([answers(connection), delay(100, false)]))

const answers = (connection: NatsConnection): Promise<boolean> =>
  connection.flush().then(
    () => true,
    () => false,
  )

/** `0 … count-1` as bodies. */
export const numbered = (count: number, prefix = 'm'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`)
