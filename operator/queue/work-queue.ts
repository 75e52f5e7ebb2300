import { type BackoffPolicy, backoffDelay } from '../backoff.ts'
import type { Clock } from '../clock.ts'

export type WorkQueueOptions = {
  readonly clock: Clock
  /** How many keys are worked on at once; at least 1. */
  readonly workers: number
  readonly backoff: BackoffPolicy
  /**
   * Works on one key. What it resolves to is when to look at the key again, in milliseconds (undefined: not by itself).
   * When it rejects, the key is tried again after the backoff.
   */
  readonly work: (key: string) => Promise<number | undefined>
  readonly onError: (key: string, error: unknown) => void
  /** The shortest wait before the next try that an error asks for, in milliseconds (an API server that is busy says so). */
  readonly waitOf?: (error: unknown) => number
  readonly random?: () => number
}

type Key = {
  state: 'idle' | 'waiting' | 'running' | 'running-and-wanted'
  failures: number
  cancelTimer: (() => void) | undefined
  /** When the timer fires; meaningless without one. */
  due: number
}

/**
 * A queue of keys, not of events: what happened is looked up when the key is worked on. The contract:
 *
 * 1. A key that waits already is not added twice.
 * 2. A key is never worked on twice at once. Added while it is worked on, it is worked on once more afterwards.
 * 3. Keys that wait are taken in the order in which they were added.
 * 4. After a failure the key comes again after a backoff that doubles, with jitter; a success sets the backoff back. An `add` in the
 *    meantime does not wait for it.
 * 5. A key has at most one timer. Of two times the earlier one counts; work that begins cancels it, since its outcome says anew when.
 * 6. At most `workers` keys are worked on at once, and no worker idles while a key waits.
 * 7. Before `start` keys only wait.
 * 8. After `stop` nothing new begins, timers are gone, and it resolves when the work under way has ended.
 *
 *            add             a worker is free          add
 *   idle ─────────▶ waiting ────────────────▶ running ─────▶ running-and-wanted
 *    ▲                 ▲                        │ ended              │ ended
 *    └─────────────────┼────────────────────────┘                    │
 *                      └─────────────────────────────────────────────┘
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions
  readonly #keys = new Map<string, Key>()
  /** In the order in which they were added. */
  readonly #waiting = new Set<string>()
  readonly #running = new Set<Promise<void>>()
  #started = false
  #stopped = false

  constructor(options: WorkQueueOptions) {
    this.#options = options
  }

  /** Keys that wait for a worker; those that wait for a time do not count. */
  get depth(): number {
    return this.#waiting.size
  }

  /** From now on keys are worked on. */
  start(): void {
    this.#started = true
    this.#fill()
  }

  add(key: string): void {
    if (this.#stopped) return
    const entry = this.#entry(key)
    switch (entry.state) {
      case 'idle':
        entry.state = 'waiting'
        this.#waiting.add(key)
        this.#fill()
        break
      case 'running':
        entry.state = 'running-and-wanted'
        break
      case 'waiting':
      case 'running-and-wanted':
        break
    }
  }

  /** Adds the key after `ms` milliseconds, or sooner if it is to be added sooner anyway. */
  addAfter(key: string, ms: number): void {
    if (this.#stopped) return
    const { clock } = this.#options
    const entry = this.#entry(key)
    const due = clock.now() + ms
    if (entry.cancelTimer !== undefined) {
      if (entry.due <= due) return
      entry.cancelTimer()
    }
    entry.due = due
    entry.cancelTimer = clock.after(ms, () => {
      entry.cancelTimer = undefined
      this.add(key)
    })
  }

  /** Begins nothing any more; resolves when the work under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#waiting.clear()
    for (const entry of this.#keys.values()) this.#cancel(entry)
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  #entry(key: string): Key {
    let entry = this.#keys.get(key)
    if (entry === undefined) {
      entry = { state: 'idle', failures: 0, cancelTimer: undefined, due: 0 }
      this.#keys.set(key, entry)
    }
    return entry
  }

  #fill(): void {
    while (this.#started && !this.#stopped && this.#running.size < this.#options.workers) {
      const [key] = this.#waiting
      if (key === undefined) return
      this.#waiting.delete(key)
      const entry = this.#entry(key)
      this.#cancel(entry)
      entry.state = 'running'
      const run = this.#run(key, entry).finally(() => {
        this.#running.delete(run)
        this.#end(key, entry)
      })
      this.#running.add(run)
    }
  }

  async #run(key: string, entry: Key): Promise<void> {
    const { work, backoff, onError, waitOf, random } = this.#options
    try {
      const again = await work(key)
      entry.failures = 0
      if (again !== undefined) this.addAfter(key, again)
    } catch (error) {
      entry.failures += 1
      onError(key, error)
      this.addAfter(key, Math.max(backoffDelay(backoff, entry.failures, random), waitOf?.(error) ?? 0))
    }
  }

  #end(key: string, entry: Key): void {
    const wanted = entry.state === 'running-and-wanted'
    entry.state = 'idle'
    if (wanted) this.add(key)
    // Nothing is left to remember of a key that is neither wanted, timed nor failing: keys of deleted objects do not add up.
    else if (entry.cancelTimer === undefined && entry.failures === 0) this.#keys.delete(key)
    this.#fill()
  }

  #cancel(entry: Key): void {
    entry.cancelTimer?.()
    entry.cancelTimer = undefined
  }
}
