import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { decodeRecord, encodeRecord } from './record.ts'

const range = fc.tuple(fc.integer({ min: 1, max: 1e12 }), fc.nat(1000)).map(([from, n]) => [from, from + n] as const)
const ranges = fc.array(range, { minLength: 1, maxLength: 5 })

describe('settlement records', () => {
  test.prop([
    fc.record({
      stream: fc.string(),
      at: fc.nat(),
      lanes: fc.dictionary(
        fc.stringMatching(/^[a-z]{1,6}_[a-z]{1,4}$/),
        fc.record(
          { floor: fc.nat(), acknowledged: ranges, deadLettered: ranges, dropped: ranges },
          { requiredKeys: [] },
        ),
      ),
    }),
  ])('come back as they were written', (record) => {
    expect(decodeRecord(encodeRecord(record))).toEqual({ ...record, lanes: { ...record.lanes } })
  })
  it.each(['', '{}', 'null', '{"v":2}', '{"v":1,"stream":"x","at":1,"lanes":{"l":{"a":[1]}}}'])(
    'refuses %j',
    (text) => {
      expect(decodeRecord(text)).toBeUndefined()
    },
  )
})
