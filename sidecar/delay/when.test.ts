import { fc, test } from '@fast-check/vitest'
import { expect } from 'vitest'
import { formatDuration } from '../../crds/index.ts'
import { dueAt, MAX_DELAY_MS } from './when.ts'

const NOW = Date.parse('2026-11-26T12:00:00Z')

test.prop([fc.integer({ min: 0, max: MAX_DELAY_MS })])('a delay counts from now', (ms) => {
  expect(dueAt([formatDuration(ms)], [], NOW)).toBe(NOW + ms)
})

test.prop([fc.integer({ min: -MAX_DELAY_MS, max: MAX_DELAY_MS })])('a time is itself, one in the past is now', (ms) => {
  expect(dueAt([], [new Date(NOW + ms).toISOString()], NOW)).toBe(Math.max(NOW, NOW + ms))
})

test.prop([fc.integer({ min: -14 * 60, max: 14 * 60 })])('a time may have an offset', (offset) => {
  const local = new Date(NOW + 60_000 + offset * 60_000).toISOString().slice(0, 19)
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60].map((n) =>
    String(n).padStart(2, '0'),
  )
  expect(dueAt([], [`${local}${offset < 0 ? '-' : '+'}${hours}:${minutes}`], NOW)).toBe(NOW + 60_000)
})

test.prop([fc.string(), fc.string()])('never throws, and never is more than a year away', (delay, at) => {
  for (const due of [dueAt([delay], [], NOW), dueAt([], [at], NOW)]) {
    if (typeof due === 'number') expect(due - NOW).toBeLessThanOrEqual(MAX_DELAY_MS)
  }
})

test.each([
  ['2026-02-31T00:00:00Z'],
  ['2026-11-26'],
  ['2026-11-26T12:00:00'],
  ['2026-11-26T25:00:00Z'],
  ['2026-13-26T12:00:00Z'],
  ['Thu, 26 Nov 2026 12:00:00 GMT'],
  ['1795694404'],
  [''],
])('%j is no time', (text) => {
  expect(dueAt([], [text], NOW)).toMatch(/no RFC 3339 time; write it like/)
})

test.each([
  [[], []],
  [['1s', '2s'], []],
  [['1s'], ['2027-01-01T00:00:00Z']],
])('%j and %j do not say when', (delay, at) => {
  expect(typeof dueAt(delay, at, NOW)).toBe('string')
})
