import { expect, test } from 'vitest'
import { HeldPulls } from './held-pulls.ts'

const body = (text: string): Uint8Array => new TextEncoder().encode(text)

test('gives back what is not over, in order, once', () => {
  const pulls = new HeldPulls()
  pulls.hold('workers', body('{"batch":1,"expires":1000000000}'), 'a', 0)
  pulls.hold('workers', body('{"batch":1,"expires":5000000000}'), 'b', 0)
  pulls.hold('others', body('1'), 'c', 0)
  pulls.hold('workers', body('nonsense'), 'd', 0)
  expect(pulls.take(2000).map(({ group, reply }) => [group, reply])).toEqual([
    ['workers', 'b'],
    ['others', 'c'],
    ['workers', 'd'],
  ])
  expect(pulls.take(2000)).toEqual([])
})

test('drops the oldest where there are too many', () => {
  const pulls = new HeldPulls()
  for (let number = 0; number < 8200; number++) pulls.hold('workers', body('1'), String(number), 0)
  const held = pulls.take(0)
  expect(held).toHaveLength(8192)
  expect(held[0]?.reply).toBe('8')
})
