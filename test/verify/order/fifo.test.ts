import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { FifoOrder } from './fifo.ts'
import { arrival, History } from './history.ts'

const history = (shared = false): History => new History(new FifoOrder(2, shared))

describe('Fifo', () => {
  test.prop([fc.boolean(), fc.array(fc.nat(1), { maxLength: 60 })])(
    'what comes in order is accepted',
    (shared, producers) => {
      const seen = history(shared)
      const next = [0, 0]
      for (const [at, producer] of producers.entries()) {
        const number = next[producer] ?? 0
        next[producer] = number + 1
        seen.delivers({ streamSequence: at + 1, producer, number })
      }
      expect(seen.violations).toBe(0)
      expect(seen.checked).toBe(Math.max(0, producers.length - new Set(producers).size))
    },
  )

  test.prop([fc.boolean(), fc.shuffledSubarray([...Array(30).keys()], { minLength: 30, maxLength: 30 })])(
    'what comes after a later one is accused, each once',
    (shared, order) => {
      const seen = history(shared)
      for (const number of order) seen.delivers({ streamSequence: number + 1 })
      expect(seen.violations).toBe(order.filter((number, at) => order.slice(0, at).some((n) => n > number)).length)
    },
  )

  it('pulls that were out at the same time prove nothing, unless the connection is shared', () => {
    for (const [shared, violations] of [
      [false, 0],
      [true, 1],
    ] as const) {
      const seen = history(shared)
      const [early, late] = [seen.pull(), seen.pull(1)]
      seen.brings(late, { streamSequence: 2 })
      seen.brings(early, { streamSequence: 1 })
      expect(seen.violations).toBe(violations)
    }
  })

  it.each([
    ['a redelivery', { attempt: 2 }],
    ['what was delivered before', { first: false }],
    ['what was published again', { republished: true }],
  ])('%s is not accused', (_, more) => {
    const seen = history()
    seen.delivers({ streamSequence: 2 })
    seen.delivers({ streamSequence: 1, ...more })
    expect(seen.violations).toBe(0)
  })

  it('what was delivered before an outage says nothing of what is asked for or comes after', () => {
    const check = new FifoOrder(1, false)
    check.pulled()(arrival({ streamSequence: 5 }), 1)
    const over = check.pulled()
    check.disturbed()
    over(arrival({ streamSequence: 2 }), 2)
    check.pulled()(arrival({ streamSequence: 3 }), 3)
    expect(check.counts().orderViolations).toBe(0)
    check.pulled()(arrival({ streamSequence: 1 }), 4)
    expect(check.counts().orderViolations).toBe(1)
  })
})
