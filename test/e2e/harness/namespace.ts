import { afterAll, afterEach, beforeAll } from 'vitest'
import { stringify } from 'yaml'
import { diagnose } from './diagnose.ts'
import { kubectl } from './kubectl.ts'
import {
  conditionOf,
  isPodReady,
  isReady,
  type Stored,
  type StoredBroker,
  type StoredEvent,
  type StoredPod,
  type StoredQueue,
} from './objects.ts'
import { type Patience, until } from './until.ts'

/** A namespace of one test file, under Pod Security `restricted`. */
export class Namespace {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  async create(): Promise<void> {
    await this.remove()
    await kubectl(['create', 'namespace', this.name])
    await kubectl(['label', 'namespace', this.name, 'pod-security.kubernetes.io/enforce=restricted'])
  }

  async remove(): Promise<void> {
    await kubectl(['delete', 'namespace', this.name, '--ignore-not-found', '--timeout=180s'])
  }

  kubectl(...args: string[]): Promise<string> {
    return kubectl(['--namespace', this.name, ...args])
  }

  async apply(...objects: object[]): Promise<void> {
    const input = objects.map((object) => stringify(object)).join('---\n')
    await kubectl(['--namespace', this.name, 'apply', '--filename', '-'], input)
  }

  async patch(kind: string, name: string, patch: object): Promise<void> {
    await this.kubectl('patch', kind, name, '--type', 'merge', '--patch', JSON.stringify(patch))
  }

  /** The object; undefined when it is not there. */
  async find<T extends Stored>(kind: string, name: string): Promise<T | undefined> {
    const text = await this.kubectl('get', kind, name, '--ignore-not-found', '--output', 'json')
    if (text === '') return undefined
    const object: T = JSON.parse(text)
    return object
  }

  /** @throws Error when it is not there */
  async get<T extends Stored>(kind: string, name: string): Promise<T> {
    const object = await this.find<T>(kind, name)
    if (object === undefined) throw new Error(`there is no ${kind} ${name} in namespace ${this.name}`)
    return object
  }

  async list<T extends Stored>(kind: string, ...args: string[]): Promise<T[]> {
    const list: { items: T[] } = JSON.parse(await this.kubectl('get', kind, '--output', 'json', ...args))
    return list.items
  }

  queue(name: string): Promise<StoredQueue> {
    return this.get<StoredQueue>('queues.pillion.dev', name)
  }

  /** The one pod of a broker, also when it is ending. */
  brokerPod(broker: string): Promise<StoredPod> {
    return this.get<StoredPod>('pod', `${broker}-0`)
  }

  /** The broker pod, when it is ready and not `before`. */
  readyBrokerPod(broker: string, before?: StoredPod): Promise<StoredPod> {
    return until(`pod ${broker}-0 to be ready${before === undefined ? '' : ' again'}`, async () => {
      const pod = await this.brokerPod(broker)
      return isPodReady(pod) && pod.metadata.uid !== before?.metadata.uid && pod
    })
  }

  /** Waits until a Queue is Ready for its spec as it is now. */
  queueReady(name: string, patience?: Patience): Promise<StoredQueue> {
    return until(
      `Queue ${name} to be Ready`,
      async () => {
        const queue = await this.queue(name)
        if (isReady(queue)) return queue
        throw new Error(JSON.stringify(conditionOf(queue, 'Ready') ?? queue.status ?? 'no status'))
      },
      patience,
    )
  }

  /** Waits until a condition of a Queue or QueueBroker says this; gives its message. */
  conditionSays(
    kind: 'queues.pillion.dev' | 'queuebrokers.pillion.dev',
    name: string,
    wanted: { readonly type: string; readonly status: string; readonly reason: string },
  ): Promise<string> {
    return until(`${kind} ${name} to say ${wanted.type}=${wanted.status}, ${wanted.reason}`, async () => {
      const condition = conditionOf(await this.get<StoredQueue | StoredBroker>(kind, name), wanted.type)
      if (condition?.status === wanted.status && condition.reason === wanted.reason) return condition.message
      throw new Error(JSON.stringify(condition ?? 'there is no such condition'))
    })
  }

  /** Waits until status counts so many ready messages. */
  async statusCounts(name: string, ready: number): Promise<void> {
    await until(`status of Queue ${name} to say ${ready} ready messages`, async () => {
      const { status } = await this.queue(name)
      if (status?.messages?.ready === ready) return true
      throw new Error(JSON.stringify(status?.messages ?? 'no counts'))
    })
  }

  async gone(kind: string, name: string): Promise<void> {
    await until(`${kind} ${name} to be gone`, async () => (await this.find(kind, name)) === undefined)
  }

  /** Events with this reason about an object. */
  async events(reason: string, about: string): Promise<StoredEvent[]> {
    const selector = `reason=${reason},involvedObject.name=${about}`
    return this.list<StoredEvent>('events', '--field-selector', selector)
  }

  /** Waits for an event whose message matches. */
  eventSays(reason: string, about: string, message: RegExp): Promise<string> {
    return until(`an event ${reason} about ${about} that says ${message.source}`, async () => {
      const messages = (await this.events(reason, about)).map((event) => event.message)
      const found = messages.find((text) => message.test(text))
      if (found !== undefined) return found
      throw new Error(`there are: ${JSON.stringify(messages)}`)
    })
  }
}

/**
 * Gives the tests of a file a fresh namespace, with what `prepare` puts into it; it is deleted after them. When one fails, what can be
 * known is printed.
 */
export function useNamespace(
  name: string,
  prepare: (namespace: Namespace) => Promise<void> = () => Promise.resolve(),
): Namespace {
  const namespace = new Namespace(`e2e-${name}`)
  beforeAll(async () => {
    await namespace.create()
    try {
      await prepare(namespace)
    } catch (error) {
      await diagnose(namespace.name, 'preparing')
      throw error
    }
  })
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await diagnose(namespace.name, task.name)
  })
  afterAll(() => namespace.remove())
  return namespace
}
