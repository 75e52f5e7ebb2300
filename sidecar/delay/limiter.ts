/** Runs so many pieces of work at a time at most, in the order in which they were asked for. */
export class Limiter {
  readonly #most: number
  readonly #waiting: Array<() => void> = []
  #running = 0

  constructor(most: number) {
    this.#most = most
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#most) this.#running++
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      // It takes over the place.
      if (next === undefined) this.#running--
      else next()
    }
  }
}
