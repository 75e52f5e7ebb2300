import { type Costs, MESSAGE_MS } from './choose.ts'

/** How much of the mean a new measurement is. */
const SHARE = 0.2
/** Until something was measured: a disk that syncs in a third of a millisecond. */
const FIRST: Costs = { singleMs: 0.3, batchMs: 3 }
/** No disk is believed to be quicker or slower. Milliseconds. */
const LEAST_MS = 0.02
const MOST_MS = 100

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

  /** @param ms from the moment that the last of `count` publishes was passed on until all of them were stored */
  passed(ms: number, count: number): void {
    this.#singleMs = mixed(this.#singleMs, ms / count)
  }

  /** @param flying how many publishes were before it */
  batched(ms: number, count: number, flying: number): void {
    this.#batchMs = mixed(this.#batchMs, ms - count * MESSAGE_MS - flying * this.#singleMs)
  }
}

const mixed = (mean: number, ms: number): number => mean + SHARE * (Math.min(MOST_MS, Math.max(LEAST_MS, ms)) - mean)
