import { test } from '@fast-check/vitest'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { schedules, settings } from './schedule.ts'
import { World } from './world.ts'

const RUNS = 50_000
const LENGTH = 100
/** As many see everything, many times over. */
const SAMPLE = 5000

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

  // Who sees nothing of what can go wrong keeps promises easily.
  it.each([1, 2, 3])('has been through everything that can happen to it, with %d participants', (participants) => {
    const saw = new Set<string>()
    for (const [checksBack, steps] of fc.sample(fc.tuple(fc.boolean(), schedules(LENGTH)), {
      numRuns: SAMPLE,
      seed: 7,
    })) {
      const world = new World({ participants, checksBack })
      for (const step of steps) world.take(step)
      world.drain()
      for (const what of world.saw) saw.add(what)
    }
    const messages = ['prepare', 'commit', 'abort', 'vote', 'ask', 'done']
    expect([...saw]).toEqual(
      expect.arrayContaining([
        ...['overtakes', 'doubles', 'loses'].flatMap((what) => messages.map((message) => `${what} ${message}`)),
        ...['open', 'preparing', 'prepared', 'inDoubt', 'committing'].map((phase) => `coordinator ends in ${phase}`),
        ...['prepared', 'committing', 'committed', 'aborted'].map((phase) => `participant ends in ${phase}`),
        'committed',
        'aborted',
      ]),
    )
  })
})
