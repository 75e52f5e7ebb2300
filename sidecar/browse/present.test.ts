import { fc, it as property } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { present } from './present.ts'

const message = (data: Uint8Array) => ({ seq: 1, subject: 'q.a', time: new Date(0), headers: [], headerBytes: 0, data })

describe('a message as JSON shows it', () => {
  property.prop([fc.uint8Array()])('has its body back, whatever it is', (data) => {
    const { body, encoding, size, truncated } = present(message(data), 'q.a', undefined)
    expect(Buffer.from(body, encoding === 'text' ? 'utf8' : 'base64')).toEqual(Buffer.from(data))
    expect([size, truncated]).toEqual([data.length, false])
  })

  property.prop([fc.string({ unit: 'grapheme' }), fc.nat(40)])('is text still when cut', (text, maxBytes) => {
    const data = Buffer.from(text)
    const shown = present(message(data), 'q.a', maxBytes)
    expect(shown.encoding).toBe('text')
    expect(text.startsWith(shown.body)).toBe(true)
    expect(Buffer.byteLength(shown.body)).toBeLessThanOrEqual(maxBytes)
    expect(Buffer.byteLength(shown.body)).toBeGreaterThan(Math.min(maxBytes, data.length) - 4)
    expect(shown.truncated).toBe(shown.body !== text)
  })

  it('has each value of a header', () => {
    const headers = [
      ['a', '1'],
      ['b', '2'],
      ['a', '3'],
    ] as const
    expect(present({ ...message(new Uint8Array()), headers }, 'q.a', 0).headers).toEqual({ a: ['1', '3'], b: ['2'] })
  })
})
