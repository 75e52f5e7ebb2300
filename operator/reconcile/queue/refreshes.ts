import type { MessageCounts } from '../../../crds/protocol/api.ts'
import type { StoredQueue } from '../../kube/resources.ts'

/**
 * Message counts in status change with every message; they are renewed when `intervalMs` has passed since the last time, and at once when
 * the spec changed. Metrics carry the live figures.
 */
export class Refreshes {
  readonly #intervalMs: number
  readonly #at = new Map<string, number>()

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
  }

  /** What status is to say: the counts observed now, or still those of before. */
  pick({ metadata, status }: StoredQueue, observed: MessageCounts | undefined, now: number): MessageCounts | undefined {
    if (observed === undefined) return status?.messages
    const uid = metadata.uid ?? ''
    const last = this.#at.get(uid)
    const changed = status?.observedGeneration !== metadata.generation
    if (status?.messages !== undefined && !changed && last !== undefined && now - last < this.#intervalMs) {
      return status.messages
    }
    this.#at.set(uid, now)
    return observed
  }

  /** The Queue is gone. */
  forget(queue: StoredQueue): void {
    this.#at.delete(queue.metadata.uid ?? '')
  }
}
