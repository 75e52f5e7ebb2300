import { setTimeout as delay } from 'node:timers/promises'

/** Far beyond what a busy machine needs; it only ends what will never come. Milliseconds. */
export const PATIENCE_MS = 30_000
const POLL_MS = 20

/** Polls until `check` gives neither false nor undefined, and returns that. Throws when it does not in time. */
export async function until<T>(
  what: string,
  check: () => T | false | undefined | Promise<T | false | undefined>,
  withinMs = PATIENCE_MS,
): Promise<T> {
  const end = performance.now() + withinMs
  for (;;) {
    const seen = await check()
    if (seen !== false && seen !== undefined) return seen
    if (performance.now() > end) throw new Error(`waited ${withinMs} ms in vain until ${what}`)
    await delay(POLL_MS)
  }
}

/** The same for an assertion: until it no longer throws. */
export async function eventually<T>(assertion: () => T | Promise<T>, withinMs = PATIENCE_MS): Promise<T> {
  const end = performance.now() + withinMs
  for (;;) {
    try {
      return await assertion()
    } catch (error) {
      if (performance.now() > end) throw error
    }
    await delay(POLL_MS)
  }
}
