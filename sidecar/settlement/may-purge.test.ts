import { describe, expect, it } from 'vitest'
import { laneState, spreadLaneState } from '../queue/lane-state.ts'
import { LaneFlow } from '../dispatch/lane-flow.ts'
import { comesUp, mayBeQueued, noteOldest } from './may-purge.ts'

const TIMEOUT = 30_000
const at = (now: number) => ({ visibilityTimeoutMs: TIMEOUT, now, lastsMs: 50 })

function lane(delivered: number) {
  const state = laneState('workers', { name: 'fifo', filterSubject: 'q.orders', maxAckPending: 10 }, 'workers_fifo')
  state.ledger.sawDelivered(delivered)
  return state
}

describe('mayBeQueued', () => {
  it('not where all is settled, or was delivered a moment ago', () => {
    const state = lane(3)
    expect(mayBeQueued(state, at(0))).toBe(false)
    noteOldest(state, 1000)
    expect(mayBeQueued(state, at(10_000))).toBe(false)
  })
  it('once the oldest has been open for near half of its time', () => {
    const state = lane(3)
    noteOldest(state, 1000)
    noteOldest(state, 9000)
    expect(mayBeQueued(state, at(15_000))).toBe(true)
    state.ledger.record([[1, 1]])
    expect(mayBeQueued(state, at(15_000))).toBe(false)
  })
  it('wherever a message was given back', () => {
    const state = lane(3)
    state.alive.set(2, 1e9)
    expect(mayBeQueued(state, at(0))).toBe(true)
  })
})

describe('comesUp', () => {
  it('shortly before and after the time that a message was given back until', () => {
    const state = lane(3)
    expect(comesUp(state, at(0))).toBe(false)
    state.delayed.set(2, 1000)
    const when = [900, 949, 950, 1000, 1100, 1999, 2000, 9000]
    expect(when.filter((now) => comesUp(state, at(now)))).toEqual([950, 1000, 1100, 1999])
    state.ledger.record([[2, 2]])
    expect(comesUp(state, at(1000))).toBe(false)
  })
})

describe('in a lane that is handed out message by message', () => {
  const facts = { pending: 3, ackPending: 0, deliveries: 0 }
  const flowing = () => new LaneFlow({ maxAckPending: 10, visibilityTimeoutMs: TIMEOUT, maxWaitMs: Infinity }, facts, 0)
  const spread = (flow: LaneFlow) => {
    const state = spreadLaneState('workers', { name: 'p1', filterSubject: 'q.a', maxAckPending: 10 }, 'workers_p1')
    if (state.spread !== undefined) state.spread.flow = flow
    return state
  }
  it('a message is queued from when it comes up until JetStream delivered it', () => {
    const flow = flowing()
    const state = spread(flow)
    flow.grant(1, 0)
    flow.sawDeliveries(1)
    expect(mayBeQueued(state, at(0))).toBe(false)
    flow.retried(1, 1000, 0)
    expect([comesUp(state, at(900)), comesUp(state, at(960))]).toEqual([false, true])
    flow.advance(1000)
    expect(mayBeQueued(state, at(1000))).toBe(true)
    flow.grant(1, 1001)
    expect([flow.due, mayBeQueued(state, at(1001))]).toEqual([0, true])
    flow.sawDeliveries(2)
    expect(mayBeQueued(state, at(1001))).toBe(false)
  })
  it('and still is where the pull that it was granted to is gone', () => {
    const flow = flowing()
    const state = spread(flow)
    flow.grant(1, 0)
    flow.retried(1, 0, 0)
    flow.grant(1, 0)
    expect(mayBeQueued(state, at(0))).toBe(true)
    flow.correct({ pending: 2, ackPending: 1, deliveries: 1 }, flow.version, 1500)
    expect([flow.due, mayBeQueued(state, at(1500))]).toEqual([1, true])
  })
})
