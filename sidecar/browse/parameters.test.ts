import { fc, it as property } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { parseBrowse } from './parameters.ts'

const parse = (query: string) => parseBrowse(new URLSearchParams(query))

describe('the parameters of browsing', () => {
  it('have defaults', () => {
    expect(parse('')).toEqual({ from: 1, limit: 100, subject: undefined, maxBytes: undefined })
  })

  it.each([
    ['from=0', 'from'],
    ['from=1.5', 'from'],
    ['from=', 'from'],
    ['from=1e3', 'from'],
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['maxBytes=-1', 'maxBytes'],
    ['subject=a..b', 'subject'],
    ['subject=a.>.b', 'subject'],
    ['subject=a%20b', 'subject'],
    ['form=1', 'form'],
    ['from=1&from=2', 'from'],
  ])('refuse %s by name', (query, field) => {
    expect(() => parse(query)).toThrow(expect.objectContaining({ code: 'InvalidParameter', field }))
  })

  property.prop([fc.integer({ min: 1 }), fc.integer({ min: 1, max: 1000 })])('are read as written', (from, limit) => {
    expect(parse(`from=${from}&limit=${limit}`)).toMatchObject({ from, limit })
  })
})
