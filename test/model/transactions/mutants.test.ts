import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MUTANTS } from './mutants.ts'
import { schedules, settings } from './schedule.ts'
import { World } from './world.ts'

/** As many as are tried without a fault are more than enough to find each of these. */
const RUNS = 50_000
const LENGTH = 100
/** What is found first depends on it. */
const SEED = 7

describe('the check of transactions finds', () => {
  it.each(MUTANTS)('$name', ({ protocol, breaks }) => {
    const found = fc.check(
      fc.property(settings, schedules(LENGTH), (setting, steps) => {
        const world = new World(setting, protocol)
        for (const step of steps) {
          world.take(step)
          world.check()
        }
        world.drain()
      }),
      { numRuns: RUNS, endOnFailure: true, seed: SEED },
    )
    expect(found.failed).toBe(true)
    expect(String(found.errorInstance)).toMatch(breaks)
  })
})
