import { expect, it } from 'vitest'
import { Forwarding } from './forwarding.ts'

const stream = (first: number, last: number, created = 'once') => ({ created, first, last, messages: last - first + 1 })

it('looks at what is new, and again at what was left after a minute', () => {
  const forwarding = new Forwarding()
  expect(forwarding.from('a', 'b', stream(1, 0), 0)).toBeUndefined()
  expect(forwarding.from('a', 'b', stream(1, 5), 0)).toBe(1)
  expect(forwarding.from('a', 'b', stream(3, 5), 1000)).toBeUndefined()
  expect(forwarding.from('a', 'b', stream(3, 7), 2000)).toBe(6)
  expect(forwarding.from('a', 'b', stream(3, 7), 60_001)).toBe(3)
})

it('begins anew for another target, for a stream that was made anew, and when told to', () => {
  const forwarding = new Forwarding()
  expect(forwarding.from('a', 'b', stream(1, 5), 0)).toBe(1)
  expect(forwarding.from('a', 'c', stream(1, 5), 0)).toBe(1)
  expect(forwarding.from('a', 'c', stream(1, 5, 'twice'), 0)).toBe(1)
  forwarding.forget('a')
  expect(forwarding.from('a', 'c', stream(1, 5, 'twice'), 0)).toBe(1)
})
