import { z } from 'zod'
import { type Peers, peersDigest, peersKnownSchema, peerToken } from '../../../crds/protocol/peers.ts'
import { type BrokerOptions, TestBroker } from '../harness.ts'
import { TOKEN } from './sidecar.ts'

const queuesSchema = z.object({ queues: z.array(z.object({ name: z.string() })) })

/** Brokers by name that are told of each other, as the operator does. */
export class Namespace implements AsyncDisposable {
  readonly #brokers: ReadonlyMap<string, TestBroker>
  /** As they were when the broker was there last. */
  readonly #queues = new Map<string, string[]>()

  private constructor(brokers: ReadonlyMap<string, TestBroker>) {
    this.#brokers = brokers
  }

  /** They are not told of each other yet. */
  static async start(names: readonly string[], options: BrokerOptions = {}): Promise<Namespace> {
    const started = await Promise.all(
      names.map(async (name): Promise<[string, TestBroker]> => [name, await TestBroker.start(options)]),
    )
    return new Namespace(new Map(started))
  }

  broker(name: string): TestBroker {
    const broker = this.#brokers.get(name)
    if (broker === undefined) throw new Error(`there is no broker ${name}`)
    return broker
  }

  /** Tells brokers of all, those of `away` left out, which are reached at where they were. A sidecar that was started again listens elsewhere. */
  async tell(...away: string[]): Promise<void> {
    const there = [...this.#brokers].filter(([name]) => !away.includes(name))
    for (const [name, { api }] of there) {
      const { queues } = queuesSchema.parse((await api.request('GET', '/queues')).json)
      this.#queues.set(
        name,
        queues.map((queue) => queue.name),
      )
    }
    const brokers = [...this.#brokers].map(([name, { sidecar }]) => ({
      name,
      url: sidecar.url,
      token: peerToken(TOKEN),
      queues: this.#queues.get(name) ?? [],
    }))
    for (const [self, { api }] of there) {
      const told: Peers = { self, brokers }
      const { json } = await api.request('PUT', '/peers', { body: JSON.stringify(told) })
      const { digest } = peersKnownSchema.parse(json)
      if (digest !== peersDigest(told)) throw new Error(`${self} was not told`)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#brokers.values()].map((broker) => broker[Symbol.asyncDispose]()))
  }
}
