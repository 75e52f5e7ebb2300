import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { backoffDelay, type RetryPolicy, settle } from './settle.ts'
import { parseSignal, type Signal } from './signal.ts'

const policy: RetryPolicy = { maxAttempts: 3, backoff: { initialMs: 1000, factor: 2, maxMs: 5000, jitterPercent: 0 } }
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('parseSignal', () => {
  it.each<[string, Signal]>([
    ['', { kind: 'ack' }],
    ['+ACK', { kind: 'ack' }],
    ['-NAK', { kind: 'nak' }],
    ['-NAK {"delay": 1500000000}', { kind: 'nak', delayMs: 1500 }],
    ['+WPI', { kind: 'progress' }],
    ['+TERM', { kind: 'term' }],
    ['+TERM no such customer', { kind: 'term', reason: 'no such customer' }],
    ['+NXT {"batch":1}', { kind: 'ackNext', request: '{"batch":1}' }],
    ['+NXT', { kind: 'ackNext', request: '' }],
  ])('reads %j', (body, signal) => {
    expect(parseSignal(bytes(body))).toEqual(signal)
  })

  it.each(['hello', '+ACX', '-NAK later', '-NAK {"delay":"1s"}', '-NAK {"delay":-1}', '-NAK null', '\u0000'])(
    'says what is wrong with %j',
    (body) => {
      expect(parseSignal(bytes(body))).toMatchObject({ kind: 'malformed' })
    },
  )

  test.prop([fc.uint8Array({ maxLength: 64 })])('never throws', (body) => {
    expect(parseSignal(body)).toHaveProperty('kind')
  })
})

describe('settle', () => {
  it('retries a NAK by the policy, and as its sender says where it says', () => {
    expect(settle({ kind: 'nak' }, 1, policy, 0.5)).toEqual({ kind: 'retry', delayMs: 1000 })
    expect(settle({ kind: 'nak' }, 2, policy, 0.5)).toEqual({ kind: 'retry', delayMs: 2000 })
    expect(settle({ kind: 'nak', delayMs: 7 }, 2, policy, 0.5)).toEqual({ kind: 'retry', delayMs: 7 })
  })

  it('dead-letters the last NAK, also one that names a delay', () => {
    expect(settle({ kind: 'nak' }, 3, policy, 0)).toEqual({ kind: 'deadLetter', reason: 'max-attempts' })
    expect(settle({ kind: 'nak', delayMs: 7 }, 3, policy, 0)).toEqual({ kind: 'deadLetter', reason: 'max-attempts' })
  })

  it('never ends a message by NAK when there is no limit', () => {
    expect(settle({ kind: 'nak' }, 1_000_000, { ...policy, maxAttempts: 0 }, 0.5).kind).toBe('retry')
  })

  it('dead-letters TERM at any attempt with its reason', () => {
    expect(settle({ kind: 'term', reason: 'bad' }, 1, policy, 0)).toEqual({
      kind: 'deadLetter',
      reason: 'rejected',
      error: 'bad',
    })
  })

  it('acknowledges and extends at any attempt', () => {
    expect(settle({ kind: 'ack' }, 9, policy, 0)).toEqual({ kind: 'acknowledge' })
    expect(settle({ kind: 'progress' }, 9, policy, 0)).toEqual({ kind: 'extend' })
  })
})

describe('backoffDelay', () => {
  const backoff = fc.record({
    initialMs: fc.integer({ min: 1, max: 10_000 }),
    factor: fc.double({ min: 1, max: 10, noNaN: true }),
    maxMs: fc.integer({ min: 10_000, max: 1_000_000 }),
    jitterPercent: fc.integer({ min: 0, max: 100 }),
  })
  test.prop([
    backoff,
    fc.integer({ min: 1, max: 10_000 }),
    fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  ])('stays within the jitter around the capped curve', (policy, attempt, random) => {
    const exact = Math.min(policy.maxMs, policy.initialMs * policy.factor ** (attempt - 1))
    const spread = (exact * policy.jitterPercent) / 100
    const delay = backoffDelay(policy, attempt, random)
    expect(delay).toBeGreaterThanOrEqual(exact - spread - 1e-6)
    expect(delay).toBeLessThanOrEqual(exact + spread + 1e-6)
  })
  test.prop([backoff, fc.integer({ min: 1, max: 100 })])(
    'does not shrink from one attempt to the next',
    (policy, n) => {
      expect(backoffDelay({ ...policy, jitterPercent: 0 }, n + 1, 0)).toBeGreaterThanOrEqual(
        backoffDelay({ ...policy, jitterPercent: 0 }, n, 0),
      )
    },
  )
})
