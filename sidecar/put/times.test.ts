import { expect, test } from 'vitest'
import { Times } from './times.ts'

const often = (times: Times, what: (times: Times) => void): Times => {
  for (let n = 0; n < 100; n++) what(times)
  return times
}

test('a publish takes as long as it does where they follow each other, without the way there and back', () => {
  const busy = often(new Times(), (times) => times.passed({ ms: 1.6, count: 4 }, { ms: 1, count: 5 }))
  expect(busy.singleMs).toBeCloseTo(0.2)
})

test('nor is time in which there was nothing to store counted', () => {
  const idle = often(new Times(), (times) => times.passed({ ms: 1.6, count: 4 }, { ms: 1000, count: 5 }))
  expect(idle.singleMs).toBeCloseTo(0.4)
})

test('a batch takes what its messages do not', () => {
  expect(often(new Times(), (times) => times.batched(5, 100)).batchMs).toBeCloseTo(4)
})

test('one moment of the disk changes little', () => {
  const times = new Times()
  const before = times.singleMs
  times.passed({ ms: 1000, count: 1 }, { ms: 1000, count: 1 })
  expect(times.singleMs / before).toBeCloseTo(1.2)
})
