import { describe, expect, it } from 'vitest'
import { newEntry } from './entry.ts'
import { ABSENT_MS, absentees, isInDoubt, shownNow } from './in-doubt.ts'
import { recordSchema, type TransactionRecord } from './record.ts'
import { SELF } from './run.ts'

const DECIDED = 1_000_000
const told = { isGone: (broker: string) => broker === 'gone' }

function entryOf(coordinator: object, more: Partial<TransactionRecord> = {}) {
  const entry = newEntry('x', 1)
  entry.record = recordSchema.parse({ ...entry.record, decidedAt: DECIDED, coordinator, ...more })
  return entry
}

const committing = { phase: 'committing', participants: [SELF, 'gone', 'slow', 'quick'], done: ['quick'] }

describe('a transaction that is decided', () => {
  it('waits for its participants, and is in doubt over those that are gone', () => {
    const entry = entryOf(committing)
    expect(absentees(entry, told, DECIDED)).toEqual(['gone'])
    expect(absentees(entry, { isGone: () => false }, DECIDED)).toEqual([])
    expect(isInDoubt(entry, told, DECIDED)).toBe(true)
    expect(shownNow(entry, told, DECIDED)).toMatchObject({
      state: 'Committing',
      inDoubt: true,
      reason:
        'broker gone has not said that it carried out its part; if it is gone for good, end it without its part: pillion tx resolve x commit --without gone',
      waits: [{}, { broker: 'gone' }, { broker: 'slow' }].map((one) => ({ ...one, since: '1970-01-01T00:16:40.000Z' })),
    })
  })

  it('is in doubt over those of the others that were waited for long enough, and never over this broker itself', () => {
    const entry = entryOf(committing)
    expect(absentees(entry, told, DECIDED + ABSENT_MS - 1)).toEqual(['gone'])
    expect(absentees(entry, told, DECIDED + ABSENT_MS)).toEqual(['gone', 'slow'])
    const own = entryOf({ ...committing, participants: [SELF] })
    expect(isInDoubt(own, { isGone: () => true }, DECIDED + ABSENT_MS)).toBe(false)
  })

  it('does not wait for who was given up', () => {
    const entry = entryOf({ ...committing, givenUp: ['gone'] })
    expect(isInDoubt(entry, told, DECIDED)).toBe(false)
    expect(shownNow(entry, told, DECIDED)).toMatchObject({ givenUp: ['gone'], waits: [{}, { broker: 'slow' }] })
  })
})

describe('a part in a transaction of another broker', () => {
  const part = (coordinator: string, phase: string) =>
    entryOf(
      { phase: 'aborted', reason: '' },
      {
        of: { coordinator, id: 'x' },
        participant: recordSchema.shape.participant.parse({ phase }),
      },
    )

  it('is in doubt while it is prepared, and its coordinator is gone or has it in doubt', () => {
    expect(isInDoubt(part('gone', 'prepared'), told, 0)).toBe(true)
    expect(isInDoubt(part('there', 'prepared'), told, 0)).toBe(false)
    expect(isInDoubt({ ...part('there', 'prepared'), isInDoubtThere: true }, told, 0)).toBe(true)
    expect(isInDoubt(part('gone', 'committed'), told, 0)).toBe(false)
  })
})
