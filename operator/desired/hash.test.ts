import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashOf, secretHashOf } from './hash.ts'

describe('hashOf', () => {
  it('does not mind the order of keys, nor keys that are undefined', () => {
    expect(hashOf({ a: 1, b: { c: 2, d: undefined } })).toBe(hashOf({ b: { c: 2 }, a: 1 }))
  })

  it('minds everything else', () => {
    expect(hashOf({ a: [1, 2] })).not.toBe(hashOf({ a: [2, 1] }))
    expect(hashOf({ a: '1' })).not.toBe(hashOf({ a: 1 }))
    fc.assert(
      fc.property(fc.json(), fc.json(), (a, b) => {
        const [left, right] = [JSON.parse(a), JSON.parse(b)]
        const sorted = (value: unknown): string => JSON.stringify(value, (_key, part: unknown) => ordered(part))
        expect(hashOf(left) === hashOf(right)).toBe(sorted(left) === sorted(right))
      }),
    )
  })
})

describe('secretHashOf', () => {
  it('cannot be told from the value alone', () => {
    expect(secretHashOf('key', 'value')).not.toBe(hashOf('value'))
    expect(secretHashOf('key', 'value')).not.toBe(secretHashOf('other', 'value'))
    expect(secretHashOf('key', 'value')).toBe(secretHashOf('key', 'value'))
  })
})

const ordered = (part: unknown): unknown =>
  typeof part === 'object' && part !== null && !Array.isArray(part)
    ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : part
