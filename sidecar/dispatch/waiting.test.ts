import { fc, test } from '@fast-check/vitest'
import { expect } from 'vitest'
import { Waiting } from './waiting.ts'

const MAX_WAIT = 6400

test.prop(
  [
    fc.array(fc.record({ add: fc.boolean(), count: fc.nat(50), after: fc.oneof(fc.nat(60), fc.nat(3000)) }), {
      maxLength: 100,
    }),
  ],
  {
    numRuns: 1000,
  },
)('knows how many wait, and how long within a sixty-fourth of maxWait', (steps) => {
  const waiting = new Waiting(MAX_WAIT)
  const model: number[] = []
  let now = 0
  for (const { add, count, after } of steps) {
    now += after
    if (add) {
      waiting.add(count, now)
      for (let n = 0; n < count; n++) model.push(now)
    } else {
      waiting.take(Math.min(count, model.length))
      model.splice(0, count)
    }
    expect(waiting.count).toBe(model.length)
    const overdue = waiting.overdue(now)
    const [oldest] = model
    if (oldest !== undefined && now - oldest >= MAX_WAIT) expect(overdue).toBeDefined()
    // What is called overdue is so by all but the width of a bucket.
    if (overdue !== undefined) expect(now - (model[overdue.count - 1] ?? 0)).toBeGreaterThan(MAX_WAIT - MAX_WAIT / 64)
  }
})

test('what is corrected upwards is new, what is corrected downwards is old', () => {
  const waiting = new Waiting(1000)
  waiting.add(5, 0)
  waiting.correct(8, 600)
  expect(waiting.count).toBe(8)
  expect(waiting.overdue(1000)?.count).toBe(5)
  waiting.correct(3, 700)
  expect(waiting.overdue(1000)).toBeUndefined()
})

test('messages whose times are not known are spread over the time that is', () => {
  const waiting = new Waiting(1000)
  waiting.addBetween(640, 0, 1000)
  expect(waiting.count).toBe(640)
  expect(waiting.overdue(1000)?.count).toBe(10)
})
