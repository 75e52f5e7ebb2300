import type { Copied } from '../../../crds/protocol/copies.ts'
import type { JetStreamAccess } from '../../jetstream/access.ts'
import type { Queue } from '../../queue/queue.ts'
import { copyTo, findCopies, type Origin } from '../transfer.ts'
import type { Batch, CopyTarget, Original } from './target.ts'

/** A Queue of this broker. */
export class SameBroker implements CopyTarget {
  readonly #js: JetStreamAccess
  readonly #queue: Queue
  readonly #operation: string

  constructor(js: JetStreamAccess, queue: Queue, operation: string) {
    this.#js = js
    this.#queue = queue
    this.#operation = operation
  }

  get name(): string {
    return this.#queue.name
  }

  hold(): Promise<number> {
    return this.#queue.holds.hold(this.#operation)
  }

  copy(origin: Origin, _: Batch, originals: readonly Original[]): Promise<Copied[]> {
    return Promise.all(originals.map(({ message, subject }) => copyTo(this.#js, this.#queue, origin, message, subject)))
  }

  find(origin: Origin, batch: Batch): Promise<number[]> {
    return findCopies(this.#js, origin, this.name, batch)
  }

  release(): void {
    this.#queue.holds.release(this.#operation)
  }

  async end(): Promise<void> {
    this.release()
  }
}
