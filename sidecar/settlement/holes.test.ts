import { describe, expect, it } from 'vitest'
import { laneState } from '../queue/lane-state.ts'
import { findHole } from './holes.ts'

const TIMEOUT = 30_000

function lane(delivered: number, settled: number[]) {
  const state = laneState('workers', { name: 'fifo', filterSubject: 'q.orders', maxAckPending: 10 }, 'workers_fifo')
  state.ledger.sawDelivered(delivered)
  state.ledger.record(settled.map((s) => [s, s]))
  return state
}

describe('findHole', () => {
  it('sees none while JetStream holds as many pending as are unrecorded', () => {
    const state = lane(5, [1, 3])
    expect(findHole(state, 3, 5, TIMEOUT, 0)).toBeUndefined()
    expect(findHole(state, 3, 5, TIMEOUT, 1e9)).toBeUndefined()
  })
  it('names the oldest, but only after the difference has lasted', () => {
    const state = lane(5, [1, 3])
    expect(findHole(state, 2, 5, TIMEOUT, 1000)).toBeUndefined()
    expect(findHole(state, 2, 5, TIMEOUT, 35_999)).toBeUndefined()
    expect(findHole(state, 2, 5, TIMEOUT, 36_000)).toBe(2)
  })
  it('does not count what was delivered after JetStream was asked', () => {
    const state = lane(500, [1, 3])
    findHole(state, 3, 5, TIMEOUT, 0)
    expect(findHole(state, 3, 5, TIMEOUT, 1e9)).toBeUndefined()
  })
  it('begins anew when the difference went away in between', () => {
    const state = lane(5, [1, 3])
    findHole(state, 2, 5, TIMEOUT, 0)
    findHole(state, 3, 5, TIMEOUT, 30_000)
    expect(findHole(state, 2, 5, TIMEOUT, 36_000)).toBeUndefined()
  })
  it('passes over what a consumer keeps alive and what is being moved', () => {
    const state = lane(5, [1, 3])
    state.alive.set(2, 100_000)
    state.moving.add(4)
    findHole(state, 1, 5, TIMEOUT, 0)
    expect(findHole(state, 1, 5, TIMEOUT, 50_000)).toBe(5)
  })
})
