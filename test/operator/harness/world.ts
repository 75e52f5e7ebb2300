import type { Condition } from '../../../crds/index.ts'
import { API_VERSION } from '../../../crds/index.ts'
import type { OperatorConfig } from '../../../operator/config.ts'
import { sidecarSecretName } from '../../../operator/desired/names.ts'
import { secretText } from '../../../operator/desired/secrets.ts'
import type { KubeClient } from '../../../operator/kube/client.ts'
import type { KubeObject } from '../../../operator/kube/object.ts'
import {
  type KubeEvent,
  kubeEvents,
  queueBrokers,
  queues,
  type Resource,
  type StoredQueue,
  type StoredQueueBroker,
  type StoredQueueOperation,
  secrets,
} from '../../../operator/kube/resources.ts'
import type { Transport } from '../../../operator/kube/transport.ts'
import type { RunningOperator } from '../../../operator/operator.ts'
import type { Cluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import { FakeKubelet } from './fake-kubelet.ts'
import { FakeSidecars } from './fake-sidecar.ts'
import { runOperator } from './operator.ts'
import { RecordingTransport } from './recording-transport.ts'

export type WorldOptions = {
  /** Wraps the operator's way to the API server, to put in faults. */
  readonly wrap?: (transport: Transport) => Transport
  readonly config?: Partial<OperatorConfig>
  /** Started by hand otherwise. */
  readonly operator?: boolean
}

/** A namespace with an operator that watches it, sidecars and a kubelet that are not real; ends with the test: `await using`. */
export class World implements AsyncDisposable {
  readonly cluster: Cluster
  readonly admin: KubeClient
  readonly namespace: string
  readonly sidecars: FakeSidecars
  readonly kubelet: FakeKubelet
  readonly transport: RecordingTransport
  readonly #options: WorldOptions
  readonly #operators: RunningOperator[] = []
  readonly #tokens = new Map<string, string>()

  private constructor(cluster: Cluster, namespace: string, options: WorldOptions) {
    this.cluster = cluster
    this.admin = cluster.admin
    this.namespace = namespace
    this.#options = options
    this.sidecars = new FakeSidecars((key) => this.#tokens.get(key))
    this.kubelet = new FakeKubelet(cluster.admin, namespace)
    this.transport = new RecordingTransport(cluster.operatorTransport())
  }

  static async start(cluster: Cluster, options: WorldOptions = {}): Promise<World> {
    const world = new World(cluster, await cluster.namespace(), options)
    await world.sidecars.start()
    world.kubelet.start()
    if (options.operator !== false) await world.startOperator()
    return world
  }

  async startOperator(transport: Transport = this.transport): Promise<RunningOperator> {
    const operator = await runOperator({
      transport: this.#options.wrap?.(transport) ?? transport,
      sidecars: this.sidecars,
      namespace: this.namespace,
      config: this.#options.config ?? {},
    })
    this.#operators.push(operator)
    return operator
  }

  /** The one that was started last. */
  get operator(): RunningOperator {
    const last = this.#operators.at(-1)
    if (last === undefined) throw new Error('no operator was started')
    return last
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#operators.map((operator) => operator.stop()))
    await this.kubelet.stop()
    await this.sidecars.stop()
  }

  at(name: string): { namespace: string; name: string } {
    return { namespace: this.namespace, name }
  }

  createQueue(name: string, spec: object = {}): Promise<StoredQueue> {
    return this.admin.create(queues, this.#object('Queue', name, spec))
  }

  createBroker(name: string, spec: object = {}): Promise<StoredQueueBroker> {
    return this.admin.create(queueBrokers, this.#object('QueueBroker', name, spec))
  }

  patch<T extends KubeObject>(kind: Resource<T>, name: string, patch: object): Promise<T> {
    return this.admin.mergePatch(kind, this.at(name), patch)
  }

  queue(name: string): Promise<StoredQueue> {
    return this.admin.get(queues, this.at(name))
  }

  broker(name: string): Promise<StoredQueueBroker> {
    return this.admin.get(queueBrokers, this.at(name))
  }

  /** Waits until a condition of a Queue or QueueBroker is like `wanted`. */
  condition<T extends StoredQueue | StoredQueueBroker | StoredQueueOperation>(
    kind: Resource<T>,
    name: string,
    type: string,
    wanted: Partial<Condition>,
  ): Promise<Condition> {
    return eventually(async () => {
      const { status } = await this.admin.get(kind, this.at(name))
      const condition = status?.conditions?.find((one) => one.type === type)
      const differs = Object.entries(wanted).some(([key, value]) =>
        Object.entries(condition ?? {}).every(([k, v]) => k !== key || v !== value),
      )
      if (condition === undefined || differs) {
        throw new Error(
          `${name} has no ${type} like ${JSON.stringify(wanted)}, but ${JSON.stringify(status?.conditions)}`,
        )
      }
      return condition
    })
  }

  queueReady(name: string): Promise<Condition> {
    return this.condition(queues, name, 'Ready', { status: 'True' })
  }

  /** Waits until an object is gone. */
  gone<T extends KubeObject>(kind: Resource<T>, name: string): Promise<true> {
    return eventually(async () => {
      const object = await this.admin.find(kind, this.at(name))
      if (object !== undefined)
        throw new Error(`${kind.kind} ${name} is still there: ${JSON.stringify(object.metadata)}`)
      return true as const
    })
  }

  async events(reason: string): Promise<KubeEvent[]> {
    const { items } = await this.admin.list(kubeEvents, { namespace: this.namespace })
    return items.filter((event) => event.reason === reason)
  }

  /** Waits for an event of this reason whose note has `text` in it. */
  event(reason: string, text: string): Promise<KubeEvent> {
    return eventually(async () => {
      const events = await this.events(reason)
      const found = events.find(({ note }) => note?.includes(text))
      if (found === undefined)
        throw new Error(`no ${reason} with ${text}, but ${JSON.stringify(events.map(({ note }) => note))}`)
      return found
    })
  }

  /** From now on the sidecar wants to see the token that stands in the broker's Secret. */
  async checkToken(broker: string): Promise<void> {
    const secret = await this.admin.get(secrets, this.at(sidecarSecretName(broker)))
    this.#tokens.set(`${this.namespace}/${broker}`, secretText(secret, 'token') ?? '')
  }

  setToken(broker: string, token: string): void {
    this.#tokens.set(`${this.namespace}/${broker}`, token)
  }

  #object(kind: string, name: string, spec: object): KubeObject & { spec: object } {
    return { apiVersion: API_VERSION, kind, metadata: this.at(name), spec }
  }
}
