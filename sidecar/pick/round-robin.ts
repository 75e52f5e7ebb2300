import type { Picker } from './pick.ts'

/** The next ready lane after the one that was served last, one message at a time. `state` is the lane to look at first. */
export const roundRobin: Picker<number> = {
  inOrder: false,
  start: () => 0,
  pick: (state, lanes) => {
    for (let step = 0; step < lanes.length; step++) {
      const lane = (state + step) % lanes.length
      if ((lanes[lane]?.ready ?? 0) > 0) return { lane, count: 1, state: (lane + 1) % lanes.length }
    }
    return undefined
  },
}
