import { priorityOf, type QueueSpec } from '../../crds/index.ts'
import type { Choice, LaneView } from './pick.ts'
import { roundRobin } from './round-robin.ts'
import { strictPriority } from './strict-priority.ts'
import { weightedPriority } from './weighted-priority.ts'
import type { Picker } from './pick.ts'

/** A pick that keeps its own state. */
export interface Chooser {
  readonly inOrder: boolean
  choose(lanes: readonly LaneView[], atMost: number): Choice | undefined
}

/** What picks among the lanes of a group. */
export function chooser({ ordering }: Pick<QueueSpec, 'ordering'>, lanes: number): Chooser {
  if (ordering.mode !== 'Priority') return keep(roundRobin, lanes)
  return priorityOf(ordering).policy === 'Strict' ? keep(strictPriority, lanes) : keep(weightedPriority, lanes)
}

function keep<State>({ start, pick, inOrder }: Picker<State>, lanes: number): Chooser {
  let state = start(lanes)
  return {
    inOrder,
    choose(views, atMost) {
      const chosen = pick(state, views, atMost)
      if (chosen !== undefined) state = chosen.state
      return chosen
    },
  }
}
