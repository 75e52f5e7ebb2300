import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { LaneLedger } from './lane-ledger.ts'

const step = fc.oneof(
  fc.record({ kind: fc.constant('record' as const), from: fc.integer({ min: 1, max: 50 }), length: fc.nat(5) }),
  fc.record({ kind: fc.constant('drop' as const), first: fc.integer({ min: 1, max: 50 }) }),
)

describe('LaneLedger', () => {
  test.prop([fc.array(step, { maxLength: 40 }), fc.integer({ min: 0, max: 60 })])(
    'accounts for each sequence as a list of ends does',
    (steps, delivered) => {
      const ledger = new LaneLedger()
      const ends = new Set<number>()
      let dropped = 0
      let droppedModel = 0
      for (const s of steps) {
        if (s.kind === 'record') {
          ledger.record([[s.from, s.from + s.length]])
          for (let v = s.from; v <= s.from + s.length; v++) ends.add(v)
        } else {
          dropped += ledger.droppedBelow(s.first)
          for (let v = 1; v < s.first; v++) {
            if (!ends.has(v)) droppedModel++
            ends.add(v)
          }
        }
      }
      ledger.sawDelivered(delivered)
      let floor = 0
      while (ends.has(floor + 1)) floor++
      expect(dropped).toBe(droppedModel)
      expect(ledger.floor).toBe(floor)
      for (let v = 1; v <= 60; v++) expect(ledger.isSettled(v)).toBe(ends.has(v))
      const open = Array.from({ length: delivered }, (_, i) => i + 1).filter((v) => !ends.has(v))
      expect(ledger.unrecorded).toBe(open.length)
      expect(ledger.oldestUnrecorded(delivered, 3)).toEqual(open.slice(0, 3))
    },
  )

  it('does not take a reused sequence for settled after the stream lost its end', () => {
    const ledger = new LaneLedger()
    ledger.record([
      [1, 5],
      [8, 10],
    ])
    ledger.forgetAbove(4)
    expect(ledger.floor).toBe(4)
    expect(ledger.isSettled(5)).toBe(false)
    expect(ledger.isSettled(9)).toBe(false)
  })
})
