import { hierarchyOf, priorityOf, type QueueSpec } from '../../crds/index.ts'
import type { Lane } from '../lanes/lane.ts'
import { isTree } from '../lanes/lanes.ts'
import { onlyLane } from './only-lane.ts'
import type { Choice, LaneView, Picker } from './pick.ts'
import { roundRobin } from './round-robin.ts'
import { strictPriority } from './strict-priority.ts'
import { tree, type Turns } from './tree.ts'
import { weightedPriority } from './weighted-priority.ts'

/** A pick that keeps its own state. */
export interface Chooser {
  readonly inOrder: boolean
  choose(lanes: readonly LaneView[], atMost: number): Choice | undefined
  /** Where lanes come and go: the same with other lanes. Whose turn it is stays, or the first would be served anew with each that comes. */
  with?(spec: QueueSpec, lanes: readonly Lane[]): Chooser
}

/** What picks among the lanes of a group. */
export function chooser(spec: QueueSpec, lanes: readonly Lane[]): Chooser {
  const { ordering } = spec
  if (isTree(spec)) return keepTree(spec, lanes)
  if (ordering.mode === 'KeyedFifo') return keep(roundRobin, lanes.length)
  if (ordering.mode !== 'Priority') return keep(onlyLane, lanes.length)
  return priorityOf(ordering).policy === 'Strict'
    ? keep(strictPriority, lanes.length)
    : keep(weightedPriority, lanes.length)
}

function keepTree(spec: QueueSpec, lanes: readonly Lane[], turns?: Turns): Chooser {
  const picker = tree(
    lanes.map(({ path }) => path ?? ''),
    hierarchyOf(spec).weights ?? {},
  )
  let state = turns ?? picker.start(lanes.length)
  return {
    inOrder: picker.inOrder,
    choose(views, atMost) {
      const chosen = picker.pick(state, views, atMost)
      if (chosen !== undefined) state = chosen.state
      return chosen
    },
    with: (spec, lanes) => keepTree(spec, lanes, state),
  }
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
