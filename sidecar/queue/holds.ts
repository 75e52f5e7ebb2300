/** Who has a stream keep what comes in, and from where on. */
export class Holds {
  readonly #after = new Map<string, number>()

  /** What is stored after this stays; Infinity: nobody holds anything. */
  get above(): number {
    return Math.min(...this.#after.values())
  }

  hold(by: string, after: number): void {
    this.#after.set(by, after)
  }

  /** Whether there was something to release. */
  release(by: string): boolean {
    return this.#after.delete(by)
  }
}
