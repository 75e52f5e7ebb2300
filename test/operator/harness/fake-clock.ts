import type { Clock } from '../../../operator/clock.ts'

type Timer = { readonly at: number; readonly id: number; readonly run: () => void }

/** Time that stands still until it is told to pass. */
export class FakeClock implements Clock {
  #now = 0
  #ids = 0
  readonly #timers = new Map<number, Timer>()
  readonly #epoch = Date.UTC(2026, 0, 1)

  now = (): number => this.#now
  date = (): Date => new Date(this.#epoch + this.#now)

  after = (ms: number, run: () => void): (() => void) => {
    this.#ids += 1
    const id = this.#ids
    this.#timers.set(id, { at: this.#now + Math.max(0, ms), id, run })
    return () => this.#timers.delete(id)
  }

  get timers(): number {
    return this.#timers.size
  }

  /** Time passes and nothing runs, as for a process that is stopped. */
  skip(ms: number): void {
    this.#now += ms
  }

  /** Runs what is due within the next `ms` milliseconds, each at its time, and lets promises settle in between. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    await settle()
    for (;;) {
      const next = [...this.#timers.values()].toSorted((a, b) => a.at - b.at || a.id - b.id)[0]
      if (next === undefined || next.at > end) break
      this.#now = Math.max(this.#now, next.at)
      this.#timers.delete(next.id)
      next.run()
      await settle()
    }
    this.#now = end
    await settle()
  }
}

/** Lets every promise that can settle do so; a turn of the event loop comes after all of them. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
