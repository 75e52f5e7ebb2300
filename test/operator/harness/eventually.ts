import { setTimeout as sleep } from 'node:timers/promises'

/** Long enough for a machine that is busy with other tests; a condition that holds ends the wait at once. Milliseconds. */
const LONGEST = 30_000
const STEP = 50

/** Tries `check` until it does not throw, and gives what it returned. @throws the last error after 30 s */
export async function eventually<T>(check: () => Promise<T> | T, longestMs = LONGEST): Promise<T> {
  const end = performance.now() + longestMs
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (performance.now() > end) throw error
      await sleep(STEP)
    }
  }
}
