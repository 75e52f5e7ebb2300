import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { tx } from './tx.ts'

// Figures are not judged here: a machine that runs other tests beside says nothing about them.
test('measures both sides, one and many in flight', { timeout: 180_000 }, async () => {
  const lines: string[] = []
  const rows = await tx(
    {
      messages: 150,
      size: 100,
      runs: 1,
      durabilities: ['Always'],
      modes: ['Fifo'],
      folder: tmpdir(),
      quick: false,
      peers: [],
    },
    (line) => lines.push(line),
  )
  expect(rows.map(({ name, unit }) => [name, unit])).toEqual(
    [1, 64].flatMap((n) => [
      [`tx-${n}`, 'tx/s'],
      [`tx-${n}-p50`, 'ms'],
      [`tx-${n}-p99`, 'ms'],
    ]),
  )
  for (const { ours, raw } of rows) expect(Math.min(ours, raw)).toBeGreaterThan(0)
  expect(lines).toHaveLength(4)
})
