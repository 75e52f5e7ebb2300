import { setTimeout as sleep } from 'node:timers/promises'

export interface Patience {
  /** Milliseconds; only ends what hangs. */
  readonly withinMs?: number
  /** Milliseconds between two looks. */
  readonly everyMs?: number
}

/**
 * Looks again and again until `look` gives something; gives that. A look that throws counts as one that saw nothing (an API server
 * that is being restarted answers nobody).
 * @throws Error that says what was waited for and what the last look came to
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  { withinMs = 120_000, everyMs = 500 }: Patience = {},
): Promise<T> {
  const deadline = Date.now() + withinMs
  let last = 'nothing was seen'
  do {
    try {
      const seen = await look()
      if (seen !== undefined && seen !== false) return seen
    } catch (error) {
      last = error instanceof Error ? error.message : String(error)
    }
    await sleep(everyMs)
  } while (Date.now() < deadline)
  throw new Error(`waited ${withinMs / 1000} s for ${what}: ${last}`)
}

/** Seconds since a moment of `performance.now()`, for figures in the output. */
export const secondsSince = (start: number): number => Math.round((performance.now() - start) / 100) / 10

/** A figure or report that people read in the tests' output. */
export function tell(what: string): void {
  console.log(`e2e: ${what}`)
}
