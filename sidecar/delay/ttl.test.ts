import { fc, test } from '@fast-check/vitest'
import { expect } from 'vitest'
import { formatDuration } from '../../crds/index.ts'
import { ttlLeft, ttlProblem } from './ttl.ts'

test.each(['never', '1', '5', '1s', '1h30m', '1500ms'])('%j is a time to live', (text) => {
  expect(ttlProblem(text)).toBeUndefined()
})

test.each(['', '0', '0s', '999ms', '-1', '1.5s', 'ever', '5 s', '1d'])('%j is none', (text) => {
  expect(ttlProblem(text)).toMatch(/^Nats-TTL is/)
})

test.prop([fc.integer({ min: 1000, max: 1e9 }), fc.nat(2e9)])(
  'what is left is never less, and at most a second more',
  (ms, late) => {
    const left = ttlLeft(formatDuration(ms), late)
    if (late >= ms) expect(left).toBeUndefined()
    else {
      const seconds = Number(left?.slice(0, -1))
      expect(seconds * 1000).toBeGreaterThanOrEqual(ms - late)
      expect(seconds * 1000).toBeLessThan(ms - late + 1000)
    }
  },
)

test('never is never over', () => {
  expect(ttlLeft('never', 1e15)).toBe('never')
})
