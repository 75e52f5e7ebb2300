import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { decodeBody, encodeBody, MIN_SIZE, newRunId } from './message.ts'

describe('message bodies', () => {
  test.prop([fc.nat(999), fc.nat(99_999_999), fc.integer({ min: MIN_SIZE, max: 2000 })])(
    'say which message they are, in the size asked for',
    (producer, number, size) => {
      const run = newRunId()
      const body = encodeBody(run, { producer, number }, size)
      expect(Buffer.byteLength(body)).toBe(size)
      expect(decodeBody(run, body, size)).toEqual({ producer, number })
    },
  )

  test.each([
    ['of another run', encodeBody('0123456789ab', { producer: 0, number: 0 }, 64)],
    ['cut short', encodeBody('abcdefabcdef', { producer: 0, number: 0 }, 64).slice(0, 63)],
    ['changed', encodeBody('abcdefabcdef', { producer: 0, number: 0 }, 64).replace(/.$/, 'x')],
    ['of another program', '{"order": 1}'],
    ['empty', ''],
  ])('is not taken for one of ours when %s', (_, body) => {
    expect(decodeBody('abcdefabcdef', body, 64)).toBeUndefined()
  })
})
