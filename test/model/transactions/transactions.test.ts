import { test } from '@fast-check/vitest'
import { describe } from 'vitest'
import { schedules, settings } from './schedule.ts'
import { World } from './world.ts'

const RUNS = 50_000
const LENGTH = 60

describe('a model of transactions', () => {
  test.prop([settings, schedules(LENGTH)], { numRuns: RUNS })(
    `keeps its promises in ${RUNS} schedules`,
    (setting, steps) => {
      const world = new World(setting)
      for (const step of steps) {
        world.take(step)
        world.check()
      }
      world.drain()
    },
  )
})
