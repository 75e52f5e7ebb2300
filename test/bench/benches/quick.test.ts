import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { hasTool } from '../../harness/tool.ts'
import type { BenchOptions } from '../options.ts'
import { both } from './both.ts'
import { depth } from './depth.ts'
import { fanout } from './fanout.ts'
import { latency, messagesAt } from './latency.ts'
import { priority } from './priority.ts'
import { amounts, size } from './size.ts'
import { start } from './start.ts'

const options: BenchOptions = {
  messages: 2000,
  size: 100,
  runs: 1,
  durabilities: ['Always'],
  modes: ['Fifo'],
  folder: tmpdir(),
  quick: true,
  peers: [],
}

// Figures are not judged here: a machine that runs other tests beside says nothing about them.
test.skipIf(!hasTool('go', ['version'])).each([
  [depth, ['depth waiting=0', 'depth waiting=10000']],
  [
    size,
    [
      'size-publish inFlight=100 size=64',
      'size-consume size=64',
      'size-publish inFlight=100 size=65536',
      'size-consume size=65536',
    ],
  ],
  [fanout, ['fanout consumers=4', 'fanout-shared consumers=4']],
  [both, ['both-consume inFlight=100', 'both-publish inFlight=100']],
  [priority, ['priority', 'priority-p50', 'priority-p99']],
  [start, ['start']],
  [latency, ['latency-p50 rate=500', 'latency-p99 rate=500', 'latency-p99.9 rate=500']],
])('%o measures both sides', { timeout: 180_000 }, async (bench, expected) => {
  const rows = await bench(options, () => undefined)
  const named = rows.map(({ name, inFlight, size, waiting, consumers, rate }) =>
    Object.entries({ inFlight, size, waiting, consumers, rate })
      .filter(([, value]) => value !== undefined)
      .reduce((words, [field, value]) => `${words} ${field}=${value}`, name),
  )
  expect(named).toEqual(expected)
  for (const { ours, raw } of rows) expect(Math.min(ours, raw)).toBeGreaterThan(0)
})

test('large messages are fewer, in a run and in flight', () => {
  expect(amounts(20_000, 64)).toEqual({ messages: 20_000, inFlight: 100 })
  expect(amounts(20_000, 65_536)).toEqual({ messages: 4096, inFlight: 100 })
  expect(amounts(20_000, 1_048_576)).toEqual({ messages: 256, inFlight: 16 })
})

test('a low rate is measured with fewer messages', () => {
  expect([100, 500, 2000].map((rate) => messagesAt(rate, 5000))).toEqual([1000, 5000, 5000])
})
