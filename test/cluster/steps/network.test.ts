import { expect, test } from 'vitest'
import { overlaps } from './network.ts'

test.each([
  ['10.87.0.0/16', '10.87.0.0/24', true],
  ['10.87.0.17', '10.87.0.0/24', true],
  ['10.0.0.0/8', '10.88.0.0/16', true],
  ['10.87.1.0/24', '10.87.0.0/24', false],
  ['192.168.0.0/16', '10.88.0.0/16', false],
  ['255.255.255.255', '10.88.0.0/16', false],
  ['default', '10.88.0.0/16', false],
])('%s and %s share an address: %s', (one, other, expected) => {
  expect(overlaps(one, other)).toBe(expected)
})
