import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import type { LaneView, Picker } from './pick.ts'
import { roundRobin } from './round-robin.ts'
import { strictPriority } from './strict-priority.ts'
import { tree } from './tree.ts'
import { weightedPriority } from './weighted-priority.ts'

const view = (ready: number, overdue = 0, overdueSince = 0): LaneView => ({ ready, overdue, overdueSince })
const PATHS = ['a', 'a.b', 'a.c', 'b.d.e', 'b.d.f', 'c']
const pickers: Array<[string, Picker<unknown>]> = [
  ['round robin', anyState(roundRobin)],
  ['strict priority', anyState(strictPriority)],
  ['weighted priority', anyState(weightedPriority)],
  ['tree', anyState(tree(PATHS, { a: 3, 'b.d.e': 2 }))],
]

/** The state of a picker is its own; here it is only handed back to it. */
function anyState<State>({ start, pick, inOrder }: Picker<State>): Picker<unknown> {
  const states = new WeakMap<object, State>()
  const wrap = (state: State): object => {
    const key = {}
    states.set(key, state)
    return key
  }
  return {
    inOrder,
    start: (lanes) => wrap(start(lanes)),
    pick: (key, lanes, atMost) => {
      const state = typeof key === 'object' && key !== null ? states.get(key) : undefined
      const chosen = pick(state ?? start(lanes.length), lanes, atMost)
      return chosen === undefined ? undefined : { ...chosen, state: wrap(chosen.state) }
    },
  }
}

/** Picks `count` messages, `batch` at most at once, from lanes that hold so many; how often each lane was picked from, and when last. */
function run(picker: Picker<unknown>, ready: readonly number[], picks: number, batch: number): number[][] {
  const left = [...ready]
  const taken: number[][] = []
  let state = picker.start(left.length)
  for (let n = 0; n < picks; n++) {
    const chosen = picker.pick(
      state,
      left.map((count) => view(count)),
      batch,
    )
    if (chosen === undefined) break
    state = chosen.state
    left[chosen.lane] = (left[chosen.lane] ?? 0) - chosen.count
    taken.push([chosen.lane, chosen.count])
  }
  return taken
}

describe.each(pickers)('%s', (_, picker) => {
  const readies = fc.array(fc.nat(40), { minLength: PATHS.length, maxLength: PATHS.length })

  test.prop([readies, fc.integer({ min: 1, max: 30 })])(
    'gives what is there, all of it, and never more than asked',
    (ready, batch) => {
      const taken = run(picker, ready, 1000, batch)
      const totals = ready.map(() => 0)
      for (const [lane = 0, count = 0] of taken) {
        expect(count).toBeGreaterThan(0)
        expect(count).toBeLessThanOrEqual(batch)
        totals[lane] = (totals[lane] ?? 0) + count
      }
      expect(totals).toEqual(ready)
    },
  )
})

describe('fairness', () => {
  const shares = (picker: Picker<unknown>, lanes: number, messages: number): number[] => {
    const totals = Array.from({ length: lanes }, () => 0)
    let left = messages
    for (const [lane = 0, count = 0] of run(picker, Array(lanes).fill(1_000_000), messages, 10)) {
      if (left <= 0) break
      totals[lane] = (totals[lane] ?? 0) + count
      left -= count
    }
    return totals
  }

  it('round robin: no lane is two messages ahead of another', () => {
    const totals = shares(anyState(roundRobin), 5, 503)
    expect(Math.max(...totals) - Math.min(...totals)).toBeLessThanOrEqual(1)
  })
  it('weighted: level n has n + 1 shares, within one turn', () => {
    const totals = shares(anyState(weightedPriority), 4, 1000)
    for (const [level, total] of totals.entries())
      expect(Math.abs(total - 100 * (level + 1))).toBeLessThanOrEqual(level + 1)
  })
  it('tree: siblings share by weight at every level, within two turns', () => {
    const totals = shares(anyState(tree(PATHS, { a: 3, 'b.d.e': 2 })), PATHS.length, 6000)
    // a : b : c = 3 : 1 : 1; within a its own messages, a.b and a.c alike; within b.d e : f = 2 : 1.
    const wanted = [1200, 1200, 1200, 800, 400, 1200]
    for (const [lane, total] of totals.entries()) expect(Math.abs(total - (wanted[lane] ?? 0))).toBeLessThanOrEqual(48)
  })
})

describe('strict priority', () => {
  test.prop([
    fc.array(fc.record({ ready: fc.nat(5), overdue: fc.nat(5), since: fc.nat(100) }), { minLength: 1, maxLength: 8 }),
  ])('picks the highest level, unless something is overdue: then the one that waits longest', (lanes) => {
    const views = lanes.map(({ ready, overdue, since }) => view(ready, Math.min(ready, overdue), since))
    const chosen = strictPriority.pick(undefined, views, 100)
    const overdue = views.filter((v) => v.overdue > 0)
    if (overdue.length > 0) {
      const oldest = Math.min(...overdue.map(({ overdueSince }) => overdueSince))
      expect(views[chosen?.lane ?? -1]?.overdueSince).toBe(oldest)
      expect(chosen?.count).toBe(views[chosen?.lane ?? -1]?.overdue)
    } else {
      const highest = views.findLastIndex(({ ready }) => ready > 0)
      expect(chosen?.lane ?? -1).toBe(highest)
    }
  })
})
