import type { Picker } from './pick.ts'

/** Of a group with one lane: as many of its messages as are asked for. */
export const onlyLane: Picker<undefined> = {
  inOrder: false,
  start: () => undefined,
  pick: (state, [lane], atMost) =>
    lane === undefined || lane.ready === 0 ? undefined : { lane: 0, count: Math.min(lane.ready, atMost), state },
}
