/** An inclusive range of stream sequences. */
export type Range = readonly [from: number, to: number]

/**
 * A set of whole numbers kept as sorted, disjoint, non-adjacent ranges. Settlements arrive almost in order, so an addition is
 * nearly always at the end, in constant time; elsewhere it costs a binary search and a splice.
 */
export class RangeSet {
  readonly #from: number[] = []
  readonly #to: number[] = []
  #size = 0

  static of(ranges: Iterable<Range>): RangeSet {
    const set = new RangeSet()
    for (const [from, to] of ranges) set.addRange(from, to)
    return set
  }

  /** How many numbers are in the set. */
  get size(): number {
    return this.#size
  }

  /** The largest number; 0 when the set is empty. */
  get max(): number {
    return this.#to.at(-1) ?? 0
  }

  has(value: number): boolean {
    const index = this.#indexAtOrAfter(value)
    return index < this.#from.length && at(this.#from, index) <= value
  }

  /** Adds one number; false when it was there already. */
  add(value: number): boolean {
    const last = this.#to.length - 1
    if (last < 0 || value > at(this.#to, last) + 1) {
      this.#from.push(value)
      this.#to.push(value)
      this.#size++
      return true
    }
    if (value === at(this.#to, last) + 1) {
      this.#to[last] = value
      this.#size++
      return true
    }
    if (this.has(value)) return false
    this.addRange(value, value)
    return true
  }

  addRange(from: number, to: number): void {
    if (to < from) return
    // Every range that overlaps or touches [from, to] becomes one with it.
    const first = this.#indexAtOrAfter(from - 1)
    let end = first
    let low = from
    let high = to
    while (end < this.#from.length && at(this.#from, end) <= to + 1) {
      low = Math.min(low, at(this.#from, end))
      high = Math.max(high, at(this.#to, end))
      this.#size -= at(this.#to, end) - at(this.#from, end) + 1
      end++
    }
    this.#from.splice(first, end - first, low)
    this.#to.splice(first, end - first, high)
    this.#size += high - low + 1
  }

  /** Takes out one number; false when it was not there. */
  remove(value: number): boolean {
    if (!this.has(value)) return false
    const index = this.#indexAtOrAfter(value)
    const from = at(this.#from, index)
    const to = at(this.#to, index)
    this.#from.splice(index, 1, ...(from < value ? [from] : []), ...(value < to ? [value + 1] : []))
    this.#to.splice(index, 1, ...(from < value ? [value - 1] : []), ...(value < to ? [to] : []))
    this.#size--
    return true
  }

  /** Takes out every number at or below `value`. */
  removeThrough(value: number): void {
    let gone = 0
    while (gone < this.#to.length && at(this.#to, gone) <= value) {
      this.#size -= at(this.#to, gone) - at(this.#from, gone) + 1
      gone++
    }
    if (gone > 0) {
      this.#from.splice(0, gone)
      this.#to.splice(0, gone)
    }
    const first = this.#from[0]
    if (first !== undefined && first <= value) {
      this.#size -= value - first + 1
      this.#from[0] = value + 1
    }
  }

  /** Takes out every number above `value`. */
  removeAbove(value: number): void {
    while (this.#from.length > 0 && at(this.#from, this.#from.length - 1) > value) {
      this.#size -= (this.#to.pop() ?? 0) - (this.#from.pop() ?? 0) + 1
    }
    const last = this.#to.length - 1
    if (last >= 0 && at(this.#to, last) > value) {
      this.#size -= at(this.#to, last) - value
      this.#to[last] = value
    }
  }

  /** Where the run that holds `value` ends; `value - 1` when it is not in the set. */
  runEnd(value: number): number {
    const index = this.#indexAtOrAfter(value)
    return index < this.#from.length && at(this.#from, index) <= value ? at(this.#to, index) : value - 1
  }

  /** How many numbers of the set are at or below `value`. */
  countThrough(value: number): number {
    let count = 0
    for (let index = 0; index < this.#from.length && at(this.#from, index) <= value; index++) {
      count += Math.min(at(this.#to, index), value) - at(this.#from, index) + 1
    }
    return count
  }

  /** The smallest numbers in (after, through] that are not in the set, at most `limit` of them. */
  missing(after: number, through: number, limit: number): number[] {
    const found: number[] = []
    let next = after + 1
    for (let index = this.#indexAtOrAfter(next); next <= through && found.length < limit; index++) {
      const stop = Math.min((this.#from[index] ?? Number.POSITIVE_INFINITY) - 1, through)
      while (next <= stop && found.length < limit) found.push(next++)
      next = Math.max(next, (this.#to[index] ?? Number.POSITIVE_INFINITY) + 1)
    }
    return found
  }

  *ranges(): Generator<Range> {
    for (let index = 0; index < this.#from.length; index++) yield [at(this.#from, index), at(this.#to, index)]
  }

  *values(): Generator<number> {
    for (const [from, to] of this.ranges()) for (let value = from; value <= to; value++) yield value
  }

  /** The index of the first range that ends at or after `value`. */
  #indexAtOrAfter(value: number): number {
    let low = 0
    let high = this.#to.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (at(this.#to, middle) < value) low = middle + 1
      else high = middle
    }
    return low
  }
}

const at = (list: readonly number[], index: number): number => list[index] ?? Number.NaN
