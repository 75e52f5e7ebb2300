import type { Copied } from '../../../crds/protocol/copies.ts'
import type { StoredMessage } from '../../jetstream/stored-message.ts'
import type { Origin } from '../transfer.ts'

export interface Original {
  readonly message: StoredMessage
  /** That it was published to. */
  readonly subject: string
}

/** A batch of copies that may have been made. */
export interface Batch {
  readonly number: number
  readonly sequences: readonly number[]
  /** The last sequence that was in the target before it; 0 where another broker knows that itself. */
  readonly after: number
}

/** Where the copies of an operation go. Its methods throw Later where it cannot be said now. */
export interface CopyTarget {
  readonly name: string
  /** From now on what comes in is kept there until it is released; what `after` of the batch is. */
  hold(): Promise<number>
  /** Resolves when each copy is there, or it is known why not. */
  copy(origin: Origin, batch: Batch, originals: readonly Original[]): Promise<Copied[]>
  /** The sequences of a batch that there are copies of; no more of it come after that. */
  find(origin: Origin, batch: Batch): Promise<number[]>
  /** It is known, and noted, which copies were made. */
  release(): void
  /** The operation has ended. */
  end(): Promise<void>
}

/** Not now; the operation says so, and tries again. */
export class Later extends Error {}

/** Nor can it be said what was done of the batch before; who cancels the operation does not wait for that. */
export class OutOfReach extends Later {}
