import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { RangeSet } from './range-set.ts'

const value = fc.integer({ min: 1, max: 60 })
const operation = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), value }),
  fc.record({ kind: fc.constant('addRange' as const), value, length: fc.integer({ min: 0, max: 12 }) }),
  fc.record({ kind: fc.constant('remove' as const), value }),
  fc.record({ kind: fc.constant('removeThrough' as const), value }),
  fc.record({ kind: fc.constant('removeAbove' as const), value }),
)

describe('RangeSet against a plain set', () => {
  test.prop([fc.array(operation, { maxLength: 60 }), value, value])(
    'agrees after any operations',
    (operations, a, b) => {
      const ranges = new RangeSet()
      const model = new Set<number>()
      for (const op of operations) {
        switch (op.kind) {
          case 'add':
            expect(ranges.add(op.value)).toBe(!model.has(op.value))
            model.add(op.value)
            break
          case 'addRange':
            ranges.addRange(op.value, op.value + op.length)
            for (let v = op.value; v <= op.value + op.length; v++) model.add(v)
            break
          case 'remove':
            expect(ranges.remove(op.value)).toBe(model.delete(op.value))
            break
          case 'removeThrough':
            ranges.removeThrough(op.value)
            for (const v of model) if (v <= op.value) model.delete(v)
            break
          case 'removeAbove':
            ranges.removeAbove(op.value)
            for (const v of model) if (v > op.value) model.delete(v)
            break
          default:
            op satisfies never
        }
      }
      const sorted = [...model].toSorted((x, y) => x - y)
      expect([...ranges.values()]).toEqual(sorted)
      expect(ranges.size).toBe(model.size)
      expect(ranges.max).toBe(sorted.at(-1) ?? 0)
      expect(ranges.has(a)).toBe(model.has(a))
      expect(ranges.countThrough(a)).toBe(sorted.filter((v) => v <= a).length)
      let end = a - 1
      while (model.has(end + 1)) end++
      expect(ranges.runEnd(a)).toBe(end)
      const missing: number[] = []
      for (let v = Math.min(a, b) + 1; v <= Math.max(a, b); v++) if (!model.has(v)) missing.push(v)
      expect(ranges.missing(Math.min(a, b), Math.max(a, b), 5)).toEqual(missing.slice(0, 5))
      const list = [...ranges.ranges()]
      for (let i = 1; i < list.length; i++) expect(list[i]?.[0]).toBeGreaterThan((list[i - 1]?.[1] ?? 0) + 1)
    },
  )
})
