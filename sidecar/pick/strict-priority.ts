import { pickOverdue } from './overdue.ts'
import type { Picker } from './pick.ts'

/** The highest ready lane, but for what waited longer than `maxWait`, which goes first, the longest wait before the others. */
export const strictPriority: Picker<undefined> = {
  inOrder: true,
  start: () => undefined,
  pick: (state, lanes, atMost) => {
    const overdue = pickOverdue(lanes, atMost)
    if (overdue !== undefined) return { ...overdue, state }
    for (let lane = lanes.length - 1; lane >= 0; lane--) {
      const ready = lanes[lane]?.ready ?? 0
      if (ready > 0) return { lane, count: Math.min(ready, atMost), state }
    }
    return undefined
  },
}
