import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { consume } from './consume.ts'

// Figures are not judged here: a machine that runs other tests beside says nothing about them.
test('measures both sides and gives a row a durability', { timeout: 180_000 }, async () => {
  const lines: string[] = []
  const rows = await consume(
    {
      messages: 500,
      size: 100,
      runs: 2,
      durabilities: ['Interval', 'Always'],
      modes: ['Fifo'],
      folder: tmpdir(),
      quick: false,
      peers: [],
    },
    (line) => lines.push(line),
  )
  const linux = process.platform === 'linux' ? ['consume-cpu', 'consume-cpu-server'] : []
  expect(rows.map(({ name, mode, durability }) => [name, mode, durability])).toEqual(
    ['Interval', 'Always'].flatMap((durability) => ['consume', ...linux].map((name) => [name, 'Fifo', durability])),
  )
  for (const { unit, ours, raw, ratio, oursRuns, rawRuns } of rows) {
    expect(oursRuns).toHaveLength(2)
    expect(rawRuns).toHaveLength(2)
    // So few messages may take less processor time than Linux counts in.
    if (unit === 'msg/s')
      for (const figure of [ours, raw, ratio, ...oursRuns, ...rawRuns]) expect(figure).toBeGreaterThan(0)
    else for (const figure of [...oursRuns, ...rawRuns]) expect(figure).toBeGreaterThanOrEqual(0)
  }
  expect(lines.map((line) => line.split(':')[0])).toEqual(
    ['Interval', 'Always'].flatMap((durability) => [
      `consume Fifo ${durability} run 1 ours`,
      `consume Fifo ${durability} run 1 raw`,
      `consume Fifo ${durability} run 2 raw`,
      `consume Fifo ${durability} run 2 ours`,
    ]),
  )
})
