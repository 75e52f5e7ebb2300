import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { Ledger, type MessageKey } from './ledger.ts'

const delivery = (
  number: number,
  more: Partial<{ producer: number; streamSequence: number; attempt: number }> = {},
) => ({
  producer: 0,
  number,
  streamSequence: number + 1,
  attempt: 1,
  ...more,
})

function published(ledger: Ledger, numbers: readonly number[], producer = 0): void {
  for (const number of numbers) {
    ledger.published({ producer, number })
    ledger.acknowledged({ producer, number })
  }
}

describe('Ledger', () => {
  test('counts nothing at first and is balanced', () => {
    const ledger = new Ledger(10, 2)
    expect(ledger.balanced).toBe(true)
    expect(new Set(Object.values(ledger.counts()))).toEqual(new Set([0]))
  })

  test('deals the messages to the producers', () => {
    const ledger = new Ledger(7, 3)
    expect([0, 1, 2].map((producer) => ledger.share(producer))).toEqual([3, 2, 2])
    expect(ledger.owns({ producer: 0, number: 2 })).toBe(true)
    expect(ledger.owns({ producer: 1, number: 2 })).toBe(false)
    expect(ledger.owns({ producer: 3, number: 0 })).toBe(false)
    expect(() => ledger.published({ producer: 1, number: 2 })).toThrow(/no message 2 of producer 1/)
  })

  test('finds what was acknowledged and not delivered, and nothing else', () => {
    const ledger = new Ledger(4, 1)
    published(ledger, [0, 1, 2])
    ledger.published({ producer: 0, number: 3 })
    ledger.delivered(delivery(1))
    expect(ledger.balanced).toBe(false)
    expect(ledger.counts()).toMatchObject({ published: 4, acknowledged: 3, consumed: 1, lost: 2 })
    expect(ledger.lost(10)).toEqual([
      { producer: 0, number: 0 },
      { producer: 0, number: 2 },
    ])
    expect(ledger.lost(1)).toHaveLength(1)
  })

  test('a replaced message is not lost, and is consumed if it comes nonetheless', () => {
    const ledger = new Ledger(4, 1)
    published(ledger, [0, 1, 2, 3])
    ledger.delivered(delivery(3))
    for (const number of [0, 0, 1, 3]) ledger.replaced({ producer: 0, number })
    expect(ledger.counts()).toMatchObject({ lost: 1, replaced: 2, consumed: 1 })
    expect(ledger.lost(10)).toEqual([{ producer: 0, number: 2 }])
    expect(ledger.ended).toBe(3)
    ledger.delivered(delivery(0))
    ledger.delivered(delivery(0, { attempt: 2 }))
    expect(ledger.counts()).toMatchObject({ lost: 1, replaced: 1, consumed: 2, duplicates: 1 })
    ledger.delivered(delivery(2))
    expect(ledger.balanced).toBe(true)
    expect(ledger.ended).toBe(4)
  })

  test('a delivery may come before its PubAck', () => {
    const ledger = new Ledger(1, 1)
    ledger.published({ producer: 0, number: 0 })
    ledger.delivered(delivery(0))
    ledger.acknowledged({ producer: 0, number: 0 })
    ledger.acknowledged({ producer: 0, number: 0 })
    expect(ledger.counts()).toMatchObject({ acknowledged: 1, lost: 0 })
  })

  test('tells a redelivery from a second copy', () => {
    const ledger = new Ledger(2, 1)
    published(ledger, [0, 1])
    ledger.delivered(delivery(0))
    ledger.delivered(delivery(0, { attempt: 2 }))
    ledger.delivered(delivery(1))
    ledger.delivered(delivery(1, { streamSequence: 9 }))
    expect(ledger.counts()).toMatchObject({ duplicates: 2, redelivered: 1, storedTwice: 1 })
  })

  test('a delivery after a confirmed acknowledgement is told apart, a second copy of it is not one', () => {
    const ledger = new Ledger(2, 1)
    published(ledger, [0, 1])
    ledger.delivered(delivery(0))
    ledger.delivered(delivery(0, { attempt: 2 }))
    expect(ledger.counts().deliveredAfterConfirm).toBe(0)
    ledger.confirmed(delivery(0, { attempt: 2 }))
    ledger.delivered(delivery(0, { streamSequence: 7 }))
    expect(ledger.counts().deliveredAfterConfirm).toBe(0)
    ledger.delivered(delivery(0, { attempt: 3 }))
    expect(ledger.counts().deliveredAfterConfirm).toBe(1)
  })

  test('confirming a second copy says nothing of the first', () => {
    const ledger = new Ledger(1, 1)
    published(ledger, [0])
    ledger.delivered(delivery(0))
    ledger.delivered(delivery(0, { streamSequence: 7 }))
    ledger.confirmed(delivery(0, { streamSequence: 7 }))
    ledger.delivered(delivery(0, { attempt: 2 }))
    expect(ledger.counts()).toMatchObject({ storedTwice: 1, deliveredAfterConfirm: 0 })
  })

  test('order: a lower number after a higher one of the same producer', () => {
    const ledger = new Ledger(10, 2)
    published(ledger, [0, 1, 2, 3])
    published(ledger, [0, 1, 2, 3], 1)
    for (const number of [0, 3, 1, 2]) ledger.delivered(delivery(number))
    for (const number of [0, 1, 2, 3]) ledger.delivered(delivery(number, { producer: 1 }))
    expect(ledger.counts().outOfOrder).toBe(2)
  })

  test('order: redeliveries and messages that were published again do not count', () => {
    const ledger = new Ledger(4, 1)
    published(ledger, [0, 1, 2, 3])
    ledger.published({ producer: 0, number: 1 })
    ledger.delivered(delivery(3))
    ledger.delivered(delivery(0, { attempt: 2 }))
    ledger.delivered(delivery(1))
    expect(ledger.counts().outOfOrder).toBe(0)
    ledger.delivered(delivery(2))
    expect(ledger.counts().outOfOrder).toBe(1)
  })

  const step = fc.record({
    kind: fc.constantFrom('publish', 'acknowledge', 'deliver'),
    producer: fc.nat(2),
    number: fc.nat(30),
    copy: fc.nat(1),
    attempt: fc.integer({ min: 1, max: 3 }),
  })
  test.prop([fc.array(step, { maxLength: 300 })])('agrees with sets of names', (steps) => {
    const ledger = new Ledger(93, 3)
    const acknowledged = new Set<string>()
    const copies = new Map<string, Set<number>>()
    let deliveries = 0
    for (const { kind, copy, attempt, ...key } of steps) {
      if (kind === 'publish') ledger.published(key)
      else if (kind === 'acknowledge') {
        ledger.acknowledged(key)
        acknowledged.add(name(key))
      } else {
        const seen = copies.get(name(key))
        expect(ledger.delivered({ ...key, streamSequence: copy + 1, attempt })).toBe(seen === undefined)
        copies.set(name(key), new Set([...(seen ?? []), copy]))
        deliveries++
      }
    }
    const counts = ledger.counts()
    expect(counts.acknowledged).toBe(acknowledged.size)
    expect(counts.consumed).toBe(copies.size)
    expect(counts.lost).toBe([...acknowledged].filter((id) => !copies.has(id)).length)
    expect(ledger.lost(1000).map(name).toSorted()).toEqual([...acknowledged].filter((id) => !copies.has(id)).toSorted())
    expect(counts.duplicates).toBe(deliveries - copies.size)
    expect(counts.storedTwice).toBe([...copies.values()].filter((seen) => seen.size > 1).length)
    expect(ledger.balanced).toBe(counts.lost === 0)
  })

  test.prop([fc.shuffledSubarray([...Array(40).keys()], { minLength: 1 })])(
    'out of order: below the highest so far',
    (order) => {
      const ledger = new Ledger(40, 1)
      published(ledger, order)
      for (const number of order) ledger.delivered(delivery(number))
      const expected = order.filter((number, i) => number < Math.max(-1, ...order.slice(0, i))).length
      expect(ledger.counts().outOfOrder).toBe(expected)
    },
  )
})

const name = ({ producer, number }: MessageKey): string => `${producer}-${number}`
