import { describe, expect, it } from 'vitest'
import { laneState } from '../queue/lane-state.ts'
import { mayBeQueued, noteOldest } from './may-purge.ts'

const TIMEOUT = 30_000

function lane(delivered: number) {
  const state = laneState('workers', { name: 'fifo', filterSubject: 'q.orders', maxAckPending: 10 }, 'workers_fifo')
  state.ledger.sawDelivered(delivered)
  return state
}

describe('mayBeQueued', () => {
  it('not where all is settled, or was delivered a moment ago', () => {
    const state = lane(3)
    expect(mayBeQueued(state, TIMEOUT, 0)).toBe(false)
    noteOldest(state, 1000)
    expect(mayBeQueued(state, TIMEOUT, 10_000)).toBe(false)
  })
  it('once the oldest has been open for near half of its time', () => {
    const state = lane(3)
    noteOldest(state, 1000)
    noteOldest(state, 9000)
    expect(mayBeQueued(state, TIMEOUT, 15_000)).toBe(true)
    state.ledger.record([[1, 1]])
    expect(mayBeQueued(state, TIMEOUT, 15_000)).toBe(false)
  })
  it('wherever a message was given back', () => {
    const state = lane(3)
    state.alive.set(2, 1e9)
    expect(mayBeQueued(state, TIMEOUT, 0)).toBe(true)
  })
})
