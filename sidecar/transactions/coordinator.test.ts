import { expect, it } from 'vitest'
import { coordinate, type Coordinator, type CoordinatorEvent } from './coordinator.ts'

// The rest of it is model-checked, in test/model/transactions; what somebody decides by hand is not part of the protocol.

const giveUp = (participant: string): CoordinatorEvent => ({ kind: 'giveUp', participant })
const committing: Coordinator = { phase: 'committing', participants: ['a', 'b', 'c'], done: ['a'], givenUp: [] }

it('a participant that is given up is not waited for, nor told again, and that is on record', () => {
  const first = coordinate(committing, giveUp('b'), 0)
  expect(first).toMatchObject({ state: { ...committing, givenUp: ['b'] }, write: true, send: [] })
  expect(coordinate(first.state, { kind: 'tick' }, 0).send).toEqual([{ to: 'c', order: 'commit' }])
  const last = coordinate(first.state, { kind: 'done', from: 'c' }, 0)
  expect(last).toMatchObject({ state: { phase: 'committed', givenUp: ['b'] }, write: true })
  // It comes back, and asks.
  expect(coordinate(last.state, { kind: 'ask', from: 'b' }, 0).send).toEqual([{ to: 'b', order: 'commit' }])
})

it('who was given up and is done in the end was not given up', () => {
  const { state } = coordinate(committing, giveUp('b'), 0)
  const done = coordinate(state, { kind: 'done', from: 'b' }, 0)
  expect(coordinate(done.state, giveUp('c'), 0).state).toMatchObject({ phase: 'committed', givenUp: ['c'] })
})

it('nobody is given up who is done or no participant, nor before it is decided, nor after', () => {
  for (const name of ['a', 'z'])
    expect(coordinate(committing, giveUp(name), 0)).toMatchObject({ state: committing, write: false })
  const rest = { participants: ['b'], deadline: 9, checkBack: undefined }
  const others: Coordinator[] = [
    { phase: 'open', deadline: 9, checkBack: undefined },
    { phase: 'preparing', ...rest, yes: [], commits: true },
    { phase: 'prepared', ...rest, asked: 0, askAt: 9 },
    { phase: 'inDoubt', ...rest, asked: 0, askAt: 9 },
    { phase: 'committed', participants: ['b'], givenUp: [] },
    { phase: 'aborted', reason: '' },
  ]
  for (const state of others) expect(coordinate(state, giveUp('b'), 0)).toMatchObject({ state, write: false, send: [] })
})
