import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { History } from './history.ts'
import { LruOrder } from './lru.ts'

describe('Lru', () => {
  test.prop([fc.uniqueArray(fc.integer({ min: 1, max: 100 }), { minLength: 2 })])(
    'what was touched longest ago first is accepted, another order is not',
    (sequences) => {
      const right = new History(new LruOrder(200))
      for (const streamSequence of sequences.toSorted((a, b) => a - b)) right.delivers({ streamSequence })
      expect(right.violations).toBe(0)
      expect(right.checked).toBe(sequences.length - 1)
      const wrong = new History(new LruOrder(200))
      for (const streamSequence of sequences) wrong.delivers({ streamSequence })
      expect(wrong.violations).toBe(sequences.filter((s, at) => sequences.slice(0, at).some((n) => n > s)).length)
    },
  )

  it('pulls that were out at the same time prove nothing', () => {
    const seen = new History(new LruOrder(10))
    const [early, late] = [seen.pull(), seen.pull(1)]
    seen.brings(late, { streamSequence: 2 })
    seen.brings(early, { streamSequence: 1 })
    expect(seen.violations).toBe(0)
  })

  it('a message that had been replaced is accused, not one that was on its way, nor its copy at the tail', () => {
    const order = new LruOrder(10)
    const seen = new History(order)
    seen.stored(4)
    const early = seen.pull(1)
    order.replaced(0, ++seen.now)
    order.replaced(1, ++seen.now)
    order.replaced(2, ++seen.now)
    seen.brings(early, { streamSequence: 1 })
    expect(seen.violations).toBe(0)
    seen.delivers({ streamSequence: 2 })
    expect(seen.violations).toBe(1)
    seen.delivers({ streamSequence: 9, index: 2 })
    expect(seen.violations).toBe(1)
  })

  it('what was delivered before an outage is forgotten', () => {
    const order = new LruOrder(10)
    const seen = new History(order)
    seen.delivers({ streamSequence: 5 })
    order.disturbed()
    seen.delivers({ streamSequence: 3 })
    expect(seen.violations).toBe(0)
  })
})
