/** Time as the operator sees it, so that tests can bring their own. */
export interface Clock {
  /** Milliseconds from some fixed point; never goes back, whatever the wall clock does. */
  now(): number
  /** The wall clock, for timestamps that people and other programs read. */
  date(): Date
  /** Runs `run` once after `ms` milliseconds, unless what it returns is called before. */
  after(ms: number, run: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

/** Resolves after `ms` milliseconds, or at once when `signal` is aborted; the caller asks the signal which it was. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const finish = () => {
      cancel()
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const cancel = clock.after(ms, finish)
    signal.addEventListener('abort', finish, { once: true })
  })
}
