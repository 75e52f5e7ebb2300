import { test } from '@fast-check/vitest'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CheckBack, parseAnswer } from './check-back.ts'
import { coordinate, type Coordinator } from './coordinator.ts'

const checkBacks: fc.Arbitrary<CheckBack> = fc.record({
  firstMs: fc.integer({ min: 1, max: 5000 }),
  intervalMs: fc.integer({ min: 1, max: 5000 }),
  limit: fc.integer({ min: 1, max: 10 }),
})
/** Between two looks, a crash among them. */
const looks = fc.array(fc.record({ afterMs: fc.integer({ min: 1, max: 4000 }), restarts: fc.boolean() }), {
  minLength: 1,
  maxLength: 60,
})

const preparedWith = (checkBack: CheckBack | undefined): Coordinator => {
  const begun = coordinate(undefined, { kind: 'begin', deadline: 1, checkBack }, 0).state
  const preparing = coordinate(begun, { kind: 'prepare', participants: ['p'], commits: false }, 0).state
  const { state } = coordinate(preparing, { kind: 'vote', from: 'p', yes: true }, 0)
  if (state === undefined) throw new Error('it is not prepared')
  return state
}

describe('whoever prepared a transaction and never came back', () => {
  test.prop([checkBacks, looks])(
    'is asked at its times, so often, and then it is in doubt for good',
    (checkBack, all) => {
      let state = preparedWith(checkBack)
      let now = 0
      const askedAt: number[] = []
      for (const { afterMs, restarts } of all) {
        now += afterMs
        if (restarts) state = coordinate(state, { kind: 'restart' }, now).state ?? state
        const step = coordinate(state, { kind: 'tick' }, now)
        const { limit, firstMs, intervalMs } = checkBack
        const isDue = now >= (askedAt.length === 0 ? firstMs : (askedAt.at(-1) ?? 0) + intervalMs)
        expect(step.checkBack).toBe(state.phase === 'prepared' && isDue && askedAt.length < limit)
        if (step.checkBack) {
          // Written before it is asked, so that no crash has it asked more often.
          expect(step.write).toBe(true)
          askedAt.push(now)
        }
        const isGivenUp = state.phase === 'inDoubt' || (isDue && !step.checkBack)
        state = step.state ?? state
        expect(state.phase).toBe(isGivenUp ? 'inDoubt' : 'prepared')
      }
      expect(askedAt.length).toBeLessThanOrEqual(checkBack.limit)
    },
  )

  test.prop([checkBacks, fc.constantFrom('commit', 'abort', 'unknown'), fc.boolean()])(
    'is heeded whenever it answers, and unknown decides nothing',
    (checkBack, answer, late) => {
      const prepared = preparedWith(checkBack)
      const state: Coordinator = late && prepared.phase === 'prepared' ? { ...prepared, phase: 'inDoubt' } : prepared
      const step = coordinate(state, { kind: 'checked', answer }, 10)
      const phase = { commit: 'committing', abort: 'aborted', unknown: state.phase }[answer]
      expect([step.state?.phase, step.write]).toEqual([phase, answer !== 'unknown'])
    },
  )

  it('is not asked where it named nobody: it is aborted past its timeout', () => {
    const step = coordinate(preparedWith(undefined), { kind: 'tick' }, 1)
    expect([step.state?.phase, step.checkBack]).toEqual(['aborted', false])
  })
})

it.each([
  ['{"answer":"commit"}', 'commit'],
  ['{"answer":"abort","more":1}', 'abort'],
  ['{"answer":"unknown"}', 'unknown'],
  ['{"answer":"Commit"}', undefined],
  ['{"answer":true}', undefined],
  ['"commit"', undefined],
  ['commit', undefined],
  ['null', undefined],
  ['', undefined],
])('reads %s as %s', (text, answer) => {
  expect(parseAnswer(text)).toBe(answer)
})
