import { pickOverdue } from './overdue.ts'
import type { LaneView, Picker } from './pick.ts'

interface Turn {
  readonly lane: number
  /** Messages that the lane may still deliver in this turn. */
  readonly left: number
}

/**
 * Deficit round robin (Shreedhar and Varghese, 1995) with a message as the unit: in each round a level may deliver one message
 * more than its number says, so that level 9 has ten turns to the one of level 0, and none has to wait for a whole backlog.
 */
export const weightedPriority: Picker<Turn> = {
  inOrder: false,
  start: (lanes) => ({ lane: lanes - 1, left: lanes }),
  pick: (turn, lanes, atMost) => {
    const overdue = pickOverdue(lanes, atMost)
    if (overdue !== undefined) return { ...overdue, state: turn }
    const next = nextTurn(turn, lanes)
    if (next === undefined) return undefined
    const count = Math.min(next.left, lanes[next.lane]?.ready ?? 0, atMost)
    return { lane: next.lane, count, state: { lane: next.lane, left: next.left - count } }
  },
}

/** The turn that goes on, or the one of the next ready level below, beginning again from the top. */
function nextTurn(turn: Turn, lanes: readonly LaneView[]): Turn | undefined {
  if (turn.left > 0 && (lanes[turn.lane]?.ready ?? 0) > 0) return turn
  for (let step = 1; step <= lanes.length; step++) {
    const lane = (turn.lane - step + 2 * lanes.length) % lanes.length
    if ((lanes[lane]?.ready ?? 0) > 0) return { lane, left: lane + 1 }
  }
  return undefined
}
