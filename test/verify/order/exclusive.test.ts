import { fc, test } from '@fast-check/vitest'
import { beforeEach, describe, expect, it } from 'vitest'
import { ExclusiveOrder } from './exclusive.ts'
import { History } from './history.ts'

let check: ExclusiveOrder
let seen: History
beforeEach(() => {
  check = new ExclusiveOrder({ producers: 1, visibilityTimeoutMs: 3000, failoverMs: 1000 })
  seen = new History(check)
})
const overlaps = (): number | undefined => check.counts().overlaps

describe('Exclusive', () => {
  test.prop([fc.array(fc.constantFrom('message', 'death', 'silence'), { maxLength: 60 })])(
    'one consumer after the other is accepted: when the last has died, or was not heard of for long',
    (steps) => {
      const order = new ExclusiveOrder({ producers: 1, visibilityTimeoutMs: 3000, failoverMs: 1000 })
      const history = new History(order)
      let active = 0
      let sequence = 0
      for (const step of steps) {
        if (step === 'message') history.delivers({ streamSequence: ++sequence }, { consumer: active })
        if (step === 'death') order.vanished(active)
        if (step === 'silence') history.now += 1001
        if (step !== 'message') active++
      }
      expect(order.counts()).toMatchObject({ overlaps: 0, orderViolations: 0 })
    },
  )

  it('consumers that take turns are accused, at each change', () => {
    for (let at = 1; at <= 6; at++) seen.delivers({ streamSequence: at }, { consumer: at % 2 })
    expect(overlaps()).toBe(5)
  })

  it('a consumer that holds a message must not share', () => {
    seen.delivers({ streamSequence: 1 }, { answer: false })
    check.disturbed()
    // After an outage nobody is known to be active, but what is held is held, as soon as its holder is heard of.
    seen.pull(0)
    seen.delivers({ streamSequence: 2 }, { consumer: 1 })
    expect(overlaps()).toBe(1)
  })

  it('the same message is not delivered to another within its visibility timeout, however silent its holder', () => {
    for (const [waits, expected] of [
      [2000, 1],
      [3100, 0],
    ] as const) {
      const order = new ExclusiveOrder({ producers: 1, visibilityTimeoutMs: 3000, failoverMs: 1000 })
      const history = new History(order)
      history.delivers({ streamSequence: 1 }, { answer: false })
      history.now += waits
      history.delivers({ streamSequence: 1, attempt: 2, first: false }, { consumer: 1 })
      expect(order.counts().overlaps).toBe(expected)
    }
  })

  it('nor is anyone accused of what a dead one held, or of two pulls that were out at once', () => {
    seen.delivers({ streamSequence: 1 }, { answer: false })
    check.vanished(0)
    seen.delivers({ streamSequence: 1, attempt: 2, first: false }, { consumer: 1 })
    check.vanished(1)
    const pulls = [seen.pull(2), seen.pull(3)]
    for (const [at, judge] of pulls.entries()) seen.brings(judge, { streamSequence: 2 + at })
    expect(overlaps()).toBe(0)
  })

  it('is in order, too', () => {
    seen.delivers({ streamSequence: 2 })
    seen.delivers({ streamSequence: 1 })
    expect(check.counts()).toEqual({ orderViolations: 1, orderChecked: 1, overlaps: 0 })
  })
})
