import { type BackoffPolicy, backoffDelay } from '../backoff.ts'
import { type Clock, sleep } from '../clock.ts'
import type { ResourceCache } from './cache.ts'
import type { KubeClient } from './client.ts'
import { ApiError } from './errors.ts'
import type { KubeObject } from './object.ts'
import type { Resource } from './resources.ts'
import { watch } from './watch.ts'

export type ReflectorOptions<T extends KubeObject> = {
  readonly client: KubeClient
  readonly kind: Resource<T>
  readonly cache: ResourceCache<T>
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined
  readonly labels?: string
  readonly clock: Clock
  /** Told of each failure; the reflector goes on. */
  readonly onError: (error: unknown) => void
  /** How often the list is read again although the watch is well, in milliseconds: lost news is found at the latest then. */
  readonly relistMs?: number
  readonly random?: () => number
}

const RELIST_MS = 10 * 60_000
const WATCH_SECONDS = 5 * 60
const SHORT_MS = 1000
/** An API server that was started again refuses much for some ten seconds on a busy machine; who waits ever longer misses that it takes requests again. */
const backoff: BackoffPolicy = { initialMs: 200, factor: 2, maxMs: 5000, jitter: 0.5 }

/**
 * Keeps a cache equal to what the API server has: list, then watch from there; a watch that ends is taken up where it was; a version
 * that is too old (410), or any other refusal, means list again. Connection errors are waited out.
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>
  readonly #random: () => number
  readonly #synced = Promise.withResolvers<void>()
  #failures = 0

  constructor(options: ReflectorOptions<T>) {
    this.#options = options
    this.#random = options.random ?? Math.random
  }

  /** Resolves when the first list is in the cache. */
  get synced(): Promise<void> {
    return this.#synced.promise
  }

  /** Runs until `signal` is aborted. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#listAndWatch(signal)
      } catch (error) {
        await this.#wait(error, signal)
      }
    }
  }

  async #listAndWatch(signal: AbortSignal): Promise<void> {
    const { client, kind, cache, namespace, labels, clock } = this.#options
    const scope = namespace ?? ''
    const selection = { namespace, ...(labels === undefined ? {} : { labels }) }
    cache.listing(scope)
    const { items, resourceVersion } = await client.list(kind, selection)
    cache.replace(scope, items, resourceVersion)
    this.#synced.resolve()
    const relistAt = clock.now() + (this.#options.relistMs ?? RELIST_MS) * (1 - 0.2 * this.#random())
    let from = resourceVersion
    while (!signal.aborted && clock.now() < relistAt) {
      const left = Math.ceil((relistAt - clock.now()) / 1000)
      const timeoutSeconds = Math.max(1, Math.min(left, Math.round(WATCH_SECONDS * (1 + this.#random()))))
      const openedAt = clock.now()
      try {
        for await (const event of watch(client, kind, {
          ...selection,
          resourceVersion: from,
          timeoutSeconds,
          signal,
        })) {
          this.#failures = 0
          if (event.type === 'BOOKMARK') {
            from = event.resourceVersion
            cache.bookmark(scope, from)
          } else {
            from = event.object.metadata.resourceVersion ?? from
            cache.watched(scope, event.type, event.object)
          }
        }
        // Closed as soon as it was opened, again and again, would be a busy loop.
        if (clock.now() - openedAt >= SHORT_MS) this.#failures = 0
        else await this.#wait(new Error(`the watch of ${kind.plural} ended at once`), signal)
      } catch (error) {
        // A refusal may be about the version that we asked from; being unreachable is not.
        if (error instanceof ApiError && error.status !== 401 && error.status !== 429) throw error
        await this.#wait(error, signal)
      }
    }
  }

  async #wait(error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const expired = error instanceof ApiError && error.status === 410
    if (!expired) this.#options.onError(error)
    this.#failures += 1
    // The first 410 in a row is the usual end of a long silence: list at once.
    if (expired && this.#failures === 1) return
    const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0
    await sleep(this.#options.clock, Math.max(asked, backoffDelay(backoff, this.#failures, this.#random)), signal)
  }
}
