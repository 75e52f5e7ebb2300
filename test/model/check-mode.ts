import { fc, test } from '@fast-check/vitest'
import { describe } from 'vitest'
import { foundIn } from './found.ts'
import type { Mode } from './modes.ts'
import { schedules } from './schedule.ts'
import { World } from './world.ts'

const RUNS = 10_000
const LENGTH = 40

/** Random schedules of one mode; what fails is told with its seed and the shortest schedule that fails. */
export function checkMode(mode: Mode): void {
  describe(`a model of ${mode.name}`, () => {
    const options = fc.record({ nearLimit: fc.boolean(), hints: fc.boolean() })
    test.prop([options, schedules(LENGTH, 1)], { numRuns: RUNS, examples: foundIn(mode.name) })(
      `keeps its promises in ${RUNS} schedules`,
      (options, steps) => {
        const world = new World(mode, options)
        for (const step of steps) {
          world.take(step)
          world.check()
        }
        world.drain()
      },
    )
  })
}
