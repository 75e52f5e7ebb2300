import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { History } from './history.ts'
import { KeyedFifoOrder } from './keyed-fifo.ts'

const KEYS = 3
const history = (): History => new History(new KeyedFifoOrder(100, KEYS))

describe('KeyedFifo', () => {
  const steps = fc.array(fc.record({ key: fc.nat(KEYS - 1), end: fc.constantFrom('ack', 'lostAck', 'timeout') }), {
    maxLength: 90,
  })

  /** A right broker: the next of a key only once the one before it is settled, whatever happens to its deliveries. */
  function run(given: ReadonlyArray<{ key: number; end: string }>): History {
    const seen = history()
    const open = new Map<number, { streamSequence: number; attempt: number }>()
    let sequence = 0
    for (const { key, end } of given) {
      const before = open.get(key)
      const streamSequence = before?.streamSequence ?? ++sequence
      const attempt = (before?.attempt ?? 0) + 1
      seen.delivers({ streamSequence, attempt, route: key, first: attempt === 1 }, { answer: end !== 'timeout' })
      if (end === 'ack') open.delete(key)
      else open.set(key, { streamSequence, attempt })
    }
    return seen
  }

  test.prop([steps])('redeliveries of the oldest of a key are accepted, with lost acknowledgements too', (given) => {
    expect(run(given).violations).toBe(0)
  })

  test.prop([steps, fc.nat(KEYS - 1)])('one that comes again after a later one of its key is accused', (given, key) => {
    const seen = run(given)
    expect(seen.violations).toBe(0)
    seen.delivers({ streamSequence: 99, route: key })
    const before = seen.violations
    seen.delivers({ streamSequence: 98, route: key, attempt: 2 })
    expect(seen.violations).toBe(before + 1)
  })

  it('a message is accused that comes while an earlier one of its key is held, or was held by one who died', () => {
    const seen = history()
    const held = seen.delivers({ streamSequence: 1 }, { answer: false })
    seen.delivers({ streamSequence: 2, route: 1 })
    expect(seen.violations).toBe(0)
    seen.delivers({ streamSequence: 3 }, { consumer: 1 })
    expect(seen.violations).toBe(1)
    seen.answers(held)
    seen.delivers({ streamSequence: 4 }, { consumer: 1 })
    expect(seen.violations).toBe(1)
  })

  it('is accused: an older one that was acknowledged, and asked for after a later one came', () => {
    const seen = history()
    seen.delivers({ streamSequence: 1 })
    const early = seen.pull(1)
    seen.delivers({ streamSequence: 2 })
    seen.brings(early, { streamSequence: 1, first: false })
    expect(seen.violations).toBe(0)
    seen.delivers({ streamSequence: 1, first: false, attempt: 2 })
    expect(seen.violations).toBe(1)
  })

  it('is accused: stored in another order than published, unless it was published again', () => {
    for (const republished of [false, true]) {
      const seen = history()
      seen.delivers({ streamSequence: 1, number: 8 })
      seen.delivers({ streamSequence: 2, number: 7, republished })
      expect(seen.violations).toBe(republished ? 0 : 1)
    }
  })

  it('counts what it could compare', () => {
    const seen = history()
    for (const route of [0, 1, 2, 0, 1]) seen.delivers({ streamSequence: seen.now, index: 0, route })
    expect(seen.checked).toBe(2)
  })
})
