import { describe, expect, it } from 'vitest'
import { goneElsewhere, rangesOf } from './gone-elsewhere.ts'
import type { SettlementRecord } from './record.ts'

const record = (at: number, lanes: SettlementRecord['lanes']): SettlementRecord => ({ stream: 's', at, lanes })
const ALL = { since: 0, through: 1000 }

describe('messages of which there is a copy elsewhere', () => {
  it('are those that were moved to the tail, or to another Queue; no others', () => {
    const records = [
      record(10, {
        one: { acknowledged: [[1, 2]], moved: [[3, 4]], deadLettered: [[5, 5]] },
        two: { moved: [[6, 6]] },
      }),
      record(20, { one: { transferred: [[7, 7]], purged: [[8, 8]] } }),
    ]
    expect([...goneElsewhere(records, 'one', ALL)]).toEqual([
      [3, 10],
      [4, 10],
      [7, 20],
    ])
    expect([...goneElsewhere(records, 'other', ALL)]).toEqual([])
  })

  it('are forgotten in time', () => {
    const records = [record(10, { one: { moved: [[1, 1]] } }), record(20, { one: { moved: [[2, 2]] } })]
    expect([...goneElsewhere(records, 'one', { since: 15, through: 1000 }).keys()]).toEqual([2])
  })

  it('are none of those whose numbers were given anew', () => {
    const records = [record(10, { one: { transferred: [[1, 9]] } })]
    expect([...goneElsewhere(records, 'one', { since: 0, through: 2 }).keys()]).toEqual([1, 2])
  })

  it('stand in a snapshot as ranges', () => {
    expect(rangesOf([5, 3, 4, 9])).toEqual([
      [3, 5],
      [9, 9],
    ])
  })
})
