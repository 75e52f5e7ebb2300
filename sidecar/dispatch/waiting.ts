interface Bucket {
  /** When the first of them was stored; milliseconds of the same clock as `now`. */
  readonly since: number
  count: number
}

/** Buckets per `maxWait`: how exactly ages are known, with memory that does not grow with the number of messages. */
const BUCKETS = 64

/** How many messages of a lane wait to be delivered for the first time, and, where it matters, for how long. */
export class Waiting {
  readonly #buckets: Bucket[] = []
  readonly #width: number
  readonly #maxWaitMs: number
  #count = 0

  /** @param maxWaitMs where ages do not matter: infinity */
  constructor(maxWaitMs: number) {
    this.#maxWaitMs = maxWaitMs
    this.#width = maxWaitMs / BUCKETS
  }

  get count(): number {
    return this.#count
  }

  add(count: number, now: number): void {
    if (count <= 0) return
    this.#count += count
    const last = this.#buckets.at(-1)
    if (last !== undefined && now - last.since < this.#width) last.count += count
    else this.#buckets.push({ since: now, count })
  }

  /** Messages that were stored between two times, which is all that is known of when. */
  addBetween(count: number, from: number, to: number): void {
    const buckets = Math.min(BUCKETS, count)
    for (let bucket = 0; bucket < buckets; bucket++) {
      const part = Math.floor(((bucket + 1) * count) / buckets) - Math.floor((bucket * count) / buckets)
      this.#count += part
      this.#buckets.push({ since: from + ((to - from) * bucket) / buckets, count: part })
    }
  }

  take(count: number): void {
    this.#count -= count
    let left = count
    for (let first = this.#buckets[0]; first !== undefined && left > 0; first = this.#buckets[0]) {
      if (first.count > left) {
        first.count -= left
        return
      }
      left -= first.count
      this.#buckets.shift()
    }
  }

  /** JetStream's word on how many there are; what was not known of is the newest, what is too many the oldest. */
  correct(count: number, now: number): void {
    if (count > this.#count) this.add(count - this.#count, now)
    else this.take(this.#count - count)
  }

  /** Messages that waited longer than `maxWait`, of those that waited longest. */
  overdue(now: number): { readonly since: number; readonly count: number } | undefined {
    const [first] = this.#buckets
    return first !== undefined && now - first.since >= this.#maxWaitMs ? first : undefined
  }

  /** When the first of them will be overdue. */
  get overdueAt(): number {
    const [first] = this.#buckets
    return first === undefined ? Number.POSITIVE_INFINITY : first.since + this.#maxWaitMs
  }
}
