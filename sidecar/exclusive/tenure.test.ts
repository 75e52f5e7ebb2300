import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { begin, continues, heard, isOver, isSuspended, looked, type Presence, type Tenure } from './tenure.ts'

const FAILOVER_MS = 1000
const consumer = { inbox: '_INBOX.a', connection: 's/1' }
const presence = fc.constantFrom<Presence>('listening', 'connected', 'gone', 'unknown')
const nothing = { inFlight: 0, timeouts: 0, waits: true }

describe('isOver', () => {
  test.prop([presence, fc.nat(5), fc.nat(5), fc.boolean(), fc.nat(5000)])(
    'never is while messages are in flight at a consumer that may be there',
    (seen, inFlight, timeouts, waits, now) => {
      const tenure = looked(begin(consumer, 0, 0), { presence: seen }, 0)
      const over = isOver(tenure, { inFlight: inFlight + 1, timeouts, waits }, FAILOVER_MS, now)
      if (over) expect(seen).toBe('gone')
      if (seen === 'gone') expect(over).toBe(now >= FAILOVER_MS)
    },
  )

  test.prop([presence, fc.boolean(), fc.integer({ min: 1, max: 5 })])(
    'is in the end, whatever became of a consumer that is not heard of and lets messages time out',
    (seen, waits, timeouts) => {
      const tenure = looked(begin(consumer, 0, 0), { presence: seen }, 0)
      expect(isOver(tenure, { inFlight: 0, timeouts, waits }, FAILOVER_MS, FAILOVER_MS)).toBe(true)
    },
  )

  it('is not of one that waits for messages, however long there are none', () => {
    expect(isOver(begin(consumer, 0, 0), nothing, FAILOVER_MS, 1e9)).toBe(false)
  })
  it('is of one that is there and asks for nothing', () => {
    const tenure = begin(consumer, 0, 0)
    expect(isOver(tenure, { ...nothing, waits: false }, FAILOVER_MS, FAILOVER_MS - 1)).toBe(false)
    expect(isOver(tenure, { ...nothing, waits: false }, FAILOVER_MS, FAILOVER_MS)).toBe(true)
  })
  it('is at once of one that is gone and holds nothing', () => {
    expect(isOver(looked(begin(consumer, 0, 0), { presence: 'gone' }, 5), nothing, FAILOVER_MS, 5)).toBe(true)
  })
  it('waits after a restart of nats-server for it to come back', () => {
    const tenure = looked(begin(consumer, 0, 0), { presence: 'unknown' }, 500)
    expect(isOver(tenure, nothing, FAILOVER_MS, 1499)).toBe(false)
    expect(isOver(tenure, nothing, FAILOVER_MS, 1500)).toBe(true)
  })
})

describe('isSuspended', () => {
  it('begins when a message timed out and nothing was heard for so long, and ends with a word', () => {
    const tenure = begin(consumer, 3, 0)
    expect(isSuspended(tenure, 3, FAILOVER_MS, 5000)).toBe(false)
    expect(isSuspended(tenure, 4, FAILOVER_MS, 999)).toBe(false)
    expect(isSuspended(tenure, 4, FAILOVER_MS, 1000)).toBe(true)
    expect(isSuspended(heard(tenure, 4, 1000), 4, FAILOVER_MS, 9000)).toBe(false)
  })
})

describe('looked', () => {
  test.prop([fc.array(presence, { minLength: 1, maxLength: 20 })])('keeps since when it has been so', (seen) => {
    let tenure: Tenure = begin(consumer, 0, 0)
    for (const [now, presence] of seen.entries()) tenure = looked(tenure, { presence }, now)
    const last = seen.at(-1)
    const before = seen.findLastIndex((one) => one !== last)
    expect(tenure.since).toBe(before === -1 && last === 'listening' ? 0 : before + 1)
  })
  it('follows a consumer to its next connection', () => {
    const tenure = looked(begin(consumer, 0, 0), { presence: 'listening', connection: 's/2' }, 1)
    expect(tenure.consumer).toEqual({ inbox: '_INBOX.a', connection: 's/2' })
  })
})

describe('continues', () => {
  const tenure = begin(consumer, 0, 0)
  it('only at the same connection, and only when nobody listens where it did', () => {
    const next = { inbox: '_INBOX.b', connection: 's/1', inboxes: ['_INBOX.b'] }
    expect(continues(tenure, next)).toBe(true)
    expect(continues(tenure, { ...next, connection: 's/2' })).toBe(false)
    expect(continues(tenure, { ...next, inboxes: ['_INBOX.b', '_INBOX.a'] })).toBe(false)
  })
})
