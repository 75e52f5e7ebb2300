import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { History } from './history.ts'
import { PriorityOrder } from './priority.ts'

const LEVELS = 4
const check = (more: Partial<{ marginMs: number; maxWaitMs: number }> = {}): PriorityOrder =>
  new PriorityOrder({ messages: 100, levels: LEVELS, marginMs: 0, maxWaitMs: Number.POSITIVE_INFINITY, ...more })

describe('Priority', () => {
  const levels = fc.array(fc.nat(LEVELS - 1), { minLength: 2, maxLength: 60 })

  /** All stored, then taken one by one in this order, by so many consumers. */
  function take(given: readonly number[], order: readonly number[], consumers = 1): History {
    const seen = new History(check())
    seen.stored(given.length)
    const pulls = Array.from({ length: consumers }, (_, consumer) => seen.pull(consumer))
    for (const [at, index] of order.entries()) {
      const judge = pulls[at % consumers]
      if (judge !== undefined) seen.brings(judge, { streamSequence: index + 1, route: given[index] ?? 0 })
      pulls[at % consumers] = seen.pull(at % consumers)
    }
    return seen
  }
  const inOrder = (given: readonly number[]): number[] =>
    [...given.keys()].toSorted((a, b) => (given[b] ?? 0) - (given[a] ?? 0) || a - b)

  test.prop([levels, fc.integer({ min: 1, max: 4 })])('the most urgent first is accepted', (given, consumers) => {
    const seen = take(given, inOrder(given), consumers)
    expect(seen.violations).toBe(0)
    expect(seen.checked).toBe(Math.max(0, given.length - consumers))
  })

  test.prop([levels])('each message that a less urgent one overtook is accused', (given) => {
    const seen = take(given, [...given.keys()])
    expect(seen.violations).toBe(
      given.filter((level, at) => given.slice(0, at).some((before) => before < level)).length,
    )
  })

  it('no message is accused of one whose pull was out before it was stored', () => {
    const order = check()
    const seen = new History(order)
    const early = seen.pull()
    seen.stored(2)
    seen.brings(early, { streamSequence: 1, route: 0 })
    seen.delivers({ streamSequence: 2, route: 3 })
    expect(seen.violations).toBe(0)
  })

  it('nor one whose PubAck is not in or just in, a redelivery, nor anything across an outage', () => {
    const overtaken = { streamSequence: 2, route: 3 }
    const cases: Array<[number, object, (order: PriorityOrder, now: number) => void]> = [
      [0, { index: 50 }, () => undefined],
      [50, {}, () => undefined],
      [0, { attempt: 2 }, () => undefined],
      [0, { first: false }, () => undefined],
      [0, {}, (order, now) => order.disturbed(now)],
    ]
    for (const [marginMs, more, happens] of cases) {
      const order = check({ marginMs })
      const seen = new History(order)
      seen.stored(2)
      seen.delivers({ streamSequence: 1, route: 0 })
      happens(order, seen.now)
      seen.delivers({ ...overtaken, ...more })
      expect(seen.violations).toBe(0)
    }
  })

  describe('with maxWait', () => {
    const waited = (ms: number): History => {
      const seen = new History(check({ maxWaitMs: 1000 }))
      seen.stored(3)
      seen.now += ms
      return seen
    }

    it('what was overdue goes before what is more urgent', () => {
      const seen = waited(1200)
      seen.delivers({ streamSequence: 1, route: 0 })
      seen.delivers({ streamSequence: 2, route: 3 })
      expect(seen.violations).toBe(0)
    })
    it('what was not does not', () => {
      const seen = waited(500)
      seen.delivers({ streamSequence: 1, route: 0 })
      seen.delivers({ streamSequence: 2, route: 3 })
      expect(seen.violations).toBe(1)
    })
    it('what was overdue is not overtaken by anything new', () => {
      const order = check({ maxWaitMs: 1000 })
      const seen = new History(order)
      seen.stored(1)
      seen.now += 1200
      order.sent(1, seen.now)
      order.stored(1, 2, seen.now)
      seen.delivers({ streamSequence: 2, route: 3 })
      seen.delivers({ streamSequence: 1, route: 0 })
      expect(seen.violations).toBe(1)
    })
  })
})
