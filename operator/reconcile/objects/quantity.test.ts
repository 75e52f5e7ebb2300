import { describe, expect, it } from 'vitest'
import { sameQuantity } from './quantity.ts'

describe('sameQuantity', () => {
  // Left what a manifest says, right what an API server makes of it.
  it.each([
    ['1024Mi', '1Gi'],
    ['0.5', '500m'],
    ['1000m', '1'],
    ['1.5Gi', '1536Mi'],
    ['1e3', '1k'],
    ['5E-1', '500m'],
    ['0.1', '100m'],
    [2, '2'],
    ['.5', '500m'],
    ['1000000', '1M'],
  ])('%s is %s', (a, b) => {
    expect(sameQuantity(a, b)).toBe(true)
  })

  it.each([
    ['1Gi', '1G'],
    ['500m', '501m'],
    ['1', '1k'],
    ['-1', '1'],
    ['', '0'],
    ['abc', '0'],
  ])('%s is not %s', (a, b) => {
    expect(sameQuantity(a, b)).toBe(false)
  })
})
