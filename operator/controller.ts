import type { Logger } from 'pino'
import { BY_NAMESPACE, cacheOf, type Caches, eachWatch, newCaches } from './caches.ts'
import type { Clock } from './clock.ts'
import type { OperatorConfig } from './config.ts'
import type { BrokerSettings } from './desired/broker.ts'
import { ApiError, isConflict } from './kube/errors.ts'
import type { KubeClient } from './kube/client.ts'
import type { Emit } from './kube/events.ts'
import { keyOf, nameOf, type ObjectKey, type ObjectName } from './kube/object.ts'
import { Reflector } from './kube/reflector.ts'
import type { Kind, OperatorMetrics } from './metrics.ts'
import { WorkQueue } from './queue/work-queue.ts'
import type { Context } from './reconcile/context.ts'
import { Overridden } from './reconcile/objects/overridden.ts'
import { Refreshes } from './reconcile/queue/refreshes.ts'
import { reconcileQueue } from './reconcile/queue/reconcile.ts'
import { reconcileQueueBroker } from './reconcile/queue-broker/reconcile.ts'
import { reconcileQueueOperation } from './reconcile/queue-operation/reconcile.ts'
import type { Reconciled } from './reconcile/reconciled.ts'
import type { Sidecars } from './sidecar-client.ts'
import { wire } from './wiring.ts'

export type ControllerOptions = {
  readonly config: OperatorConfig
  /** Stops with `signal`, and writes only while we lead. */
  readonly client: KubeClient
  readonly sidecars: Sidecars
  readonly emit: Emit
  readonly metrics: OperatorMetrics
  readonly clock: Clock
  readonly log: Logger
  readonly random?: () => number
}

/** Queues mostly wait for their sidecars, brokers for the API server. */
const WORKERS: Readonly<Record<Kind, number>> = { Queue: 8, QueueBroker: 4, QueueOperation: 4 }
const backoff = { initialMs: 250, factor: 2, maxMs: 30_000, jitter: 0.3 }
/** How much of the resync interval is left to chance, so that not everything is looked at in the same moment. */
const RESYNC_JITTER = 0.1
/** Brokers are told of each other this long after something changed, so that many Queues made at once are told once. Milliseconds. */
const PEERS_AFTER_MS = 1000

/** Watches, queues of keys and reconciles: what a leading operator runs. */
export class Controller {
  readonly caches: Caches = newCaches()
  readonly #options: ControllerOptions
  readonly #context: Context
  readonly #queues: Readonly<Record<Kind, WorkQueue>>
  /** Of namespaces whose brokers are to be told of each other. */
  readonly #peers: WorkQueue
  #synced = false
  #stopping = false

  constructor(options: ControllerOptions) {
    this.#options = options
    const { config, client, sidecars, emit, metrics, clock, log } = options
    const settings: BrokerSettings = {
      sidecarImage: config.sidecarImage,
      natsImage: config.natsImage,
      imagePullPolicy: config.imagePullPolicy,
      operatorNamespace: config.namespace,
      throughApiServer: config.reach === 'ApiServerProxy',
    }
    this.#context = {
      client,
      caches: this.caches,
      sidecars,
      settings,
      emit,
      metrics,
      clock,
      log,
      overridden: new Overridden(),
      refreshes: new Refreshes(config.resyncMs * (1 - RESYNC_JITTER)),
    }
    this.#queues = {
      Queue: this.#queue('Queue', reconcileQueue),
      QueueBroker: this.#queue('QueueBroker', reconcileQueueBroker),
      QueueOperation: this.#queue('QueueOperation', reconcileQueueOperation),
    }
    this.#peers = new WorkQueue({
      clock,
      workers: 1,
      backoff,
      work: async (namespace) => {
        for (const broker of this.caches.queueBrokers.by(BY_NAMESPACE, namespace))
          this.#queues.QueueBroker.add(keyOf(broker))
        return undefined
      },
      onError: (namespace, error) => log.error({ namespace, err: error }, 'brokers could not be told of each other'),
    })
    wire(this.caches, {
      queue: (key) => this.#queues.Queue.add(key),
      broker: (key) => this.#queues.QueueBroker.add(key),
      operation: (key) => this.#queues.QueueOperation.add(key),
      peers: (namespace) => this.#peers.addAfter(namespace, PEERS_AFTER_MS),
    })
    this.caches.queues.onChange(({ before, after }) => {
      if (before !== undefined && after === undefined) this.#context.refreshes.forget(before)
    })
  }

  /** Everything was seen once, and reconciles run. */
  get synced(): boolean {
    return this.#synced
  }

  depth(kind: Kind): number {
    return this.#queues[kind].depth
  }

  /** Fills the caches, then reconciles until `signal` is aborted; resolves when everything has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { config, client, clock, log, random } = this.#options
    const running: Promise<void>[] = []
    const synced: Promise<void>[] = []
    const scopes = config.watchNamespaces.length === 0 ? [undefined] : config.watchNamespaces
    eachWatch(this.caches, (kind, cache, labels) => {
      for (const namespace of scopes) {
        const reflector = new Reflector({
          client,
          kind,
          cache,
          namespace,
          ...(labels === undefined ? {} : { labels }),
          clock,
          ...(random === undefined ? {} : { random }),
          onError: (error) => log.warn({ err: error, watch: kind.plural }, 'a watch failed; it is taken up again'),
        })
        running.push(reflector.run(signal))
        synced.push(reflector.synced)
      }
    })
    // Nothing is reconciled before everything was seen once: what is not in the cache would be taken for missing.
    await Promise.race([Promise.all(synced), aborted(signal)])
    if (!signal.aborted) {
      this.#synced = true
      log.info({ queues: this.caches.queues.size, brokers: this.caches.queueBrokers.size }, 'reconciling')
      this.#queues.QueueBroker.start()
      this.#queues.Queue.start()
      this.#queues.QueueOperation.start()
      this.#peers.start()
      await aborted(signal)
    }
    this.#stopping = true
    const queues = [...Object.values(this.#queues), this.#peers]
    await Promise.all([...queues.map((queue) => queue.stop()), ...running])
  }

  #queue(kind: Kind, reconcile: (context: Context, key: ObjectKey) => Promise<Reconciled>): WorkQueue {
    const { clock, config, metrics, log, random = Math.random } = this.#options
    const isThere = (at: ObjectName): boolean => cacheOf(kind, this.caches).get(at) !== undefined
    return new WorkQueue({
      clock,
      workers: WORKERS[kind],
      backoff,
      random,
      waitOf: (error) => (error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0),
      work: async (key) => {
        const startedAt = clock.now()
        const seconds = () => (clock.now() - startedAt) / 1000
        try {
          const { outcome, againMs } = await reconcile(this.#context, key)
          metrics.reconciled(kind, outcome, seconds())
          if (!isThere(nameOf(key))) return undefined
          return Math.min(config.resyncMs * (1 - RESYNC_JITTER * random()), againMs ?? Infinity)
        } catch (error) {
          metrics.reconciled(kind, 'failed', seconds())
          throw error
        }
      },
      onError: (key, error) => {
        // What was under way when we were told to stop was broken off.
        if (this.#stopping) return
        // Somebody else was faster: nothing is wrong, and the next try sees what they did.
        if (isConflict(error)) log.debug({ kind, key }, error.message)
        else log.warn({ kind, key, err: error }, 'a reconcile failed; it is tried again')
      },
    })
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
