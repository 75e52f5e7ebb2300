import { expect, test } from 'vitest'
import { upstream } from './debian.ts'

test.each([
  ['5:8.0.6-3', '8.0.6'],
  ['4.3.6-1', '4.3.6'],
  ['1:29.1.2+dfsg-1+deb12u4', '29.1.2+dfsg'],
])("Debian's %s is %s of its makers", (version, expected) => {
  expect(upstream(version)).toBe(expected)
})
