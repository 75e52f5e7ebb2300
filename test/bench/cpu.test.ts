import { expect, test } from 'vitest'
import { cpuRows } from './cpu.ts'

const what = { name: 'publish', mode: 'Fifo', durability: 'Always', inFlight: 10 } as const

test('a message costs nats-server and the sidecar, beside what it costs raw nats-server', () => {
  const rows = cpuRows(what, [{ server: 20, sidecar: 10.5 }], [{ server: 40, sidecar: 0 }])
  expect(rows.map(({ name, inFlight, ours, raw, ratio }) => [name, inFlight, ours, raw, ratio])).toEqual([
    ['publish-cpu', 10, 30.5, 40, 0.76],
    ['publish-cpu-server', 10, 20, 40, 0.5],
  ])
})

test('what was not told is no row', () => {
  expect(cpuRows(what, [undefined], [undefined])).toEqual([])
})
