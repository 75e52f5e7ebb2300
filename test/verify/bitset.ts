/** A fixed set of the integers 0 … size-1, one bit each. */
export class Bitset {
  readonly #words: Uint32Array
  #count = 0

  constructor(size: number) {
    this.#words = new Uint32Array(Math.ceil(size / 32))
  }

  /** How many integers are in the set. */
  get count(): number {
    return this.#count
  }

  has(index: number): boolean {
    return ((this.#words[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0
  }

  /** Adds `index`; false when it was there already. */
  add(index: number): boolean {
    if (this.has(index)) return false
    this.#words[index >>> 5] = (this.#words[index >>> 5] ?? 0) | (1 << (index & 31))
    this.#count++
    return true
  }
}
