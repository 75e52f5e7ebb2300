import type { StreamState } from '@nats-io/jetstream'
import type { QueueState } from './state.ts'

/** Has a Queue's stream keep what comes in, acknowledged or not, until it is known what it is. */
export class Holds {
  readonly #q: QueueState
  readonly #streamState: () => Promise<StreamState>
  readonly #after = new Map<string, number>()

  constructor(state: QueueState, streamState: () => Promise<StreamState>) {
    this.#q = state
    this.#streamState = streamState
  }

  /** From now on nothing that comes into the stream leaves it, until it is released; the last sequence before. */
  async hold(by: string): Promise<number> {
    const { last_seq: last } = await this.#streamState()
    this.restore(by, last)
    return last
  }

  /** The same from after a sequence that is known from before a restart; to be called before the Queue is started. */
  restore(by: string, after: number): void {
    this.#after.set(by, after)
    this.#update()
  }

  release(by: string): void {
    if (!this.#after.delete(by)) return
    this.#update()
    this.#q.settler.purger.floorsRaised()
  }

  #update(): void {
    this.#q.holdsAbove = Math.min(...this.#after.values())
  }
}
