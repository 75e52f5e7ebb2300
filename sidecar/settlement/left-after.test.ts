import { expect, test } from 'vitest'
import { MAX_IN_FLIGHT } from '../lanes/lane.ts'
import { type LaneState, spreadLaneState } from '../queue/lane-state.ts'
import { leftAfter } from './left-after.ts'

/** A lane with messages 1 … 9, all delivered. */
function lane(): LaneState {
  const state = spreadLaneState(
    'workers',
    { name: 's', filterSubject: 'q.a.b', maxAckPending: MAX_IN_FLIGHT },
    'workers_s',
  )
  for (let sequence = 1; sequence <= 9; sequence++) settle(state, sequence, [])
  return state
}

/** A delivery is answered, and these are put on record. */
function settle({ spread }: LaneState, delivery: number, sequences: readonly number[]): void {
  if (spread === undefined) return
  spread.ledger.answer(delivery, delivery)
  spread.unpurged += spread.ledger.record(sequences.map((sequence) => [sequence, sequence]))
}

test('nothing is left of a lane that is settled up to the end of the purge', () => {
  const state = lane()
  settle(state, 9, [1, 2, 3])
  leftAfter(state, 3)
  expect(state.spread).toMatchObject({ purged: 3, unpurged: 0 })
})

test('what is settled behind a gap is left', () => {
  const state = lane()
  settle(state, 9, [1, 2, 3, 5, 6])
  leftAfter(state, 3)
  expect(state.spread).toMatchObject({ purged: 3, unpurged: 2 })
})

test('what was settled, and raised the floor, while the purge was under way is left', () => {
  const state = lane()
  settle(state, 9, [1])
  settle(state, 9, [2, 3, 4])
  leftAfter(state, 1)
  expect(state.spread?.unpurged).toBeGreaterThanOrEqual(3)
})
