import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { tree } from '../../../sidecar/pick/tree.ts'
import { HierarchicalOrder } from './hierarchical.ts'
import { History } from './history.ts'

const PATHS = ['a.x', 'a.y', 'b.x', 'b.y', 'c']
const QUANTUM = 8
const check = (messages: number, consumers = 1): HierarchicalOrder =>
  new HierarchicalOrder({ messages, paths: PATHS, consumers, quantum: QUANTUM, marginMs: 0 })

/** All stored, sub-queue after sub-queue, and then taken in the order that `next` says, of what each has left. */
function take(waiting: readonly number[], consumers: number, next: (left: readonly number[]) => number): History {
  const seen = new History(
    check(
      waiting.reduce((a, b) => a + b, 0),
      consumers,
    ),
  )
  let stored = 0
  const from = waiting.map((count) => {
    stored += count
    return stored - count
  })
  seen.stored(stored)
  const left = [...waiting]
  const pulls = Array.from({ length: consumers }, (_, consumer) => seen.pull(consumer))
  for (let at = 0; at < stored; at++) {
    const route = next(left)
    const index = (from[route] ?? 0) + (waiting[route] ?? 0) - (left[route] ?? 0)
    left[route] = (left[route] ?? 0) - 1
    const judge = pulls[at % consumers]
    if (judge !== undefined) seen.brings(judge, { streamSequence: index + 1, route })
    pulls[at % consumers] = seen.pull(at % consumers)
  }
  return seen
}

/** As the sidecar picks. */
function picking(): (left: readonly number[]) => number {
  const picker = tree(PATHS, {})
  let state = picker.start(PATHS.length)
  return (left) => {
    const views = left.map((ready) => ({ ready, overdue: 0, overdueSince: 0 }))
    const chosen = picker.pick(state, views, 1)
    if (chosen === undefined) throw new Error('nothing is left')
    state = chosen.state
    return chosen.lane
  }
}

describe('Hierarchical', () => {
  const waiting = fc.array(fc.nat(60), { minLength: PATHS.length, maxLength: PATHS.length })

  test.prop([waiting, fc.integer({ min: 1, max: 4 })])("the sidecar's own pick is accepted", (counts, consumers) => {
    expect(take(counts, consumers, picking()).violations).toBe(0)
  })

  it('one sub-queue after the other is not: those that wait longer than a turn are accused', () => {
    const seen = take([20, 20, 0, 0, 20], 1, (left) => left.findIndex((count) => count > 0))
    // The first of a.y saw 20 of a.x go by; the first of c 40 of a.
    expect(seen.violations).toBe(2)
  })

  it('nor a subtree that has a turn for each of its sub-queues', () => {
    let at = 0
    // a.x and a.y by turns, and c in between: twice as much for a as for c.
    const order = [0, 1, 4]
    const seen = take([80, 80, 0, 0, 80], 1, () => order[Math.floor(at++ / QUANTUM) % 3] ?? 0)
    expect(seen.violations).toBeGreaterThan(5)
  })

  test.prop([fc.shuffledSubarray([...Array(20).keys()], { minLength: 20, maxLength: 20 })])(
    'within a path, what comes after a later one is accused',
    (order) => {
      const seen = new History(check(20))
      for (const index of order) seen.delivers({ streamSequence: index + 1 })
      expect(seen.violations).toBe(order.filter((s, at) => order.slice(0, at).some((n) => n > s)).length)
    },
  )

  it('what is not known to wait, comes again, or waited through an outage is not accused', () => {
    const cases: Array<[object, (order: HierarchicalOrder, now: number) => void]> = [
      [{ index: 39 }, () => undefined],
      [{ attempt: 2 }, () => undefined],
      [{}, (order, now) => order.disturbed(now)],
    ]
    for (const [more, happens] of cases) {
      const order = check(40)
      const seen = new History(order)
      seen.stored(30)
      for (let at = 1; at <= 20; at++) seen.delivers({ streamSequence: at })
      happens(order, seen.now)
      seen.delivers({ streamSequence: 21, route: 4, ...more })
      expect(seen.violations).toBe(0)
    }
  })
})
