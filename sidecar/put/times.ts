import { type Costs, MESSAGE_MS } from './choose.ts'

/** How much of the mean a new measurement is. */
const SHARE = 0.2
/** Until something was measured: a disk that syncs in a third of a millisecond. */
const FIRST: Costs = { singleMs: 0.3, batchMs: 3 }
/** No disk is believed to be quicker or slower. Milliseconds. */
const LEAST_MS = 0.02
const MOST_MS = 100

/** What was not measured for long is taken for a little less each time, until it is tried again. */
const SINKING = { singleMs: 0.99, batchMs: 0.999 } as const
/** With more messages a batch is not put in question. */
const FEW = 32
/** What takes longer than so many times the mean is taken for a moment of the disk's own. */
const OUTLIER = 2

/** So many publishes, in so many milliseconds. */
interface Stored {
  readonly ms: number
  readonly count: number
}

/** Moving means of what storing takes. */
export class Times implements Costs {
  #singleMs = FIRST.singleMs
  #batchMs = FIRST.batchMs

  get singleMs(): number {
    return this.#singleMs
  }

  get batchMs(): number {
    return this.#batchMs
  }

  /**
   * What each of them takes is at most what either says: in the one is the way there and back too, in the other perhaps time in which there was
   * nothing to store.
   *
   * @param flight from the moment that the last of them was passed on until all of them were stored
   * @param since in which so many were stored, since it was heard before
   */
  passed(flight: Stored, since: Stored): void {
    this.#singleMs = mixed(this.#singleMs, Math.min(flight.ms / flight.count, since.ms / since.count))
    this.#batchMs *= SINKING.batchMs
  }

  /** @param ms from the moment that the stream had nothing else to do, and there was something to store, until `count` publishes were stored */
  batched(ms: number, count: number): void {
    this.#batchMs = mixed(this.#batchMs, ms - count * MESSAGE_MS)
    if (count < FEW) this.#singleMs *= SINKING.singleMs
  }
}

const mixed = (mean: number, ms: number): number =>
  mean + SHARE * (Math.max(LEAST_MS, Math.min(MOST_MS, OUTLIER * mean, ms)) - mean)
