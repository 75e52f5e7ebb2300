import { setTimeout as delay } from 'node:timers/promises'
import { jetstream } from '@nats-io/jetstream'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MODES } from '../model/modes.ts'
import { schedules } from '../model/schedule.ts'
import { TestBroker } from './harness.ts'
import { ModeRun } from './schedules/mode-run.ts'

// The schedules of the model check, against a real nats-server and sidecar: many at once, each on a Queue of its own, by stock
// clients. In half of them the sidecar is killed meanwhile.

const SIDE_BY_SIDE = 100
const LENGTH = 20
/** From the first step to the kill, and until there is a sidecar again. Milliseconds. */
const BEFORE_KILL_MS = 1500
const HANGS_MS = 300_000
/** Queues that are made, or removed, at once. */
const AT_ONCE = 10

let broker: TestBroker
let number = 0

beforeAll(async () => {
  broker = await TestBroker.start({ sidecar: 'ownProcess' })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items]
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
    }),
  )
}

async function kill(): Promise<void> {
  await delay(BEFORE_KILL_MS)
  await broker.sidecar.kill()
  await broker.sidecar.start()
  await broker.ready()
}

describe.each(Object.values(MODES))('$name', (mode) => {
  it.each([
    ['undisturbed', false],
    ['with the sidecar killed', true],
  ] as const)(
    `keeps its promises in ${SIDE_BY_SIDE} schedules, %s`,
    async (_, isKilled) => {
      const seed = Date.now()
      const all = fc.sample(schedules(LENGTH, 0), { numRuns: SIDE_BY_SIDE, seed })
      const js = jetstream(await broker.client(), { timeout: 20_000 })
      const runs: ModeRun[] = []
      await inTurn([...all.keys()], async (index) => {
        runs[index] = await ModeRun.start(broker, mode, js, `schedule${++number}`, index % 2 === 0)
      })
      const killed = isKilled ? kill() : Promise.resolve()
      await Promise.all(
        runs.map(async (run, index) => {
          for (const step of all[index] ?? []) await run.take(step)
          await killed
          await run.drain()
        }),
      )
      await inTurn([...runs.entries()], async ([index, run]) => {
        expect({ seed, steps: all[index], problems: await run.problems() }).toEqual({
          seed,
          steps: all[index],
          problems: [],
        })
        expect(await broker.api.delete(run.queue, 'Delete')).toMatchObject({ status: 200 })
      })
    },
    HANGS_MS,
  )
})
