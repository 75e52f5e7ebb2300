import { fc, test } from '@fast-check/vitest'
import { expect } from 'vitest'
import { Newest } from './newest.ts'

test.prop([fc.uniqueArray(fc.record({ route: fc.nat(3), sequence: fc.nat(1000) }), { selector: (m) => m.sequence })])(
  'all but the one with the highest sequence of each key are replaced, in whatever order the PubAcks come',
  (messages) => {
    const newest = new Newest()
    const replaced = messages.flatMap(({ route, sequence }, number) => {
      const gone = newest.stored(route, { producer: 0, number }, sequence)
      return gone === undefined ? [] : [gone.number]
    })
    const last = messages.flatMap(({ route, sequence }, number) =>
      messages.some((other) => other.route === route && other.sequence > sequence) ? [] : [number],
    )
    expect([...replaced, ...last].toSorted((a, b) => a - b)).toEqual([...messages.keys()])
  },
)
