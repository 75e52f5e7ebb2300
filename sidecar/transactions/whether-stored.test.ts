import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { whetherStored } from './whether-stored.ts'

/** A stream that takes messages, and drops by its limits. */
class Stream {
  readonly messages: Array<{ readonly sequence: number; readonly subject: string; readonly mine: boolean }> = []
  last = 0
  readonly #max: number
  readonly #maxPerSubject: number | undefined

  constructor(max: number, maxPerSubject: number | undefined) {
    this.#max = max
    this.#maxPerSubject = maxPerSubject
  }

  get first(): number {
    return this.messages[0]?.sequence ?? this.last + 1
  }

  store(subject: string, mine: boolean): void {
    this.messages.push({ sequence: ++this.last, subject, mine })
    const same = this.messages.filter((message) => message.subject === subject)
    if (this.#maxPerSubject !== undefined && same.length > this.#maxPerSubject)
      this.messages.splice(
        this.messages.findIndex((message) => message === same[0]),
        1,
      )
    while (this.messages.length > this.#max) this.messages.shift()
  }
}

const subject = fc.constantFrom('k1', 'k2', 'k3')
const world = fc.record({
  before: fc.array(subject, { maxLength: 6 }),
  between: fc.array(subject, { maxLength: 4 }),
  mine: fc.array(subject, { minLength: 1, maxLength: 4 }),
  later: fc.array(subject, { maxLength: 12 }),
  max: fc.integer({ min: 4, max: 12 }),
  perSubject: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined }),
})

describe('whether the sends of a transaction are stored', () => {
  test.prop([world], { numRuns: 20_000 })('is said right, where none of them is found', (w) => {
    for (const isStored of [true, false]) {
      const stream = new Stream(w.max, w.perSubject)
      for (const one of w.before) stream.store(one, false)
      const after = stream.last
      for (const one of w.between) stream.store(one, false)
      if (isStored) for (const one of w.mine) stream.store(one, true)
      for (const one of w.later) stream.store(one, false)
      if (stream.messages.some(({ mine }) => mine)) continue
      const above = stream.messages.filter(({ sequence }) => sequence > after)
      const bySubject = new Map([...Map.groupBy(above, (one) => one.subject)].map(([key, all]) => [key, all.length]))
      const said = whetherStored(
        w.mine.map((one) => ({ subject: one, isOver: false })),
        { after, first: stream.first, last: stream.last, bySubject, maxPerSubject: w.perSubject },
      )
      // Never twice. Where it was not stored, either is right, but not when nothing is gone.
      if (isStored) expect(said).toBe('gone')
      else if (above.length === stream.last - after) expect(said).toBe('never')
    }
  })

  test('is not taken for gone where one of them would be there', () => {
    const above = { after: 10, first: 5, last: 13, bySubject: new Map([['a', 1]]), maxPerSubject: 1 }
    const a = { subject: 'a', isOver: false }
    expect(whetherStored([a], above)).toBe('gone')
    expect(whetherStored([a, { subject: 'b', isOver: false }], above)).toBe('never')
    expect(whetherStored([a, { subject: 'b', isOver: true }], above)).toBe('gone')
  })
})
