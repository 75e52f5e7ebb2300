import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { hasTool } from '../../harness/tool.ts'
import { publish } from './publish.ts'

// Figures are not judged here: a machine that runs other tests beside says nothing about them.
test.skipIf(!hasTool('go', ['version']))(
  'measures both sides at each number in flight',
  { timeout: 180_000 },
  async () => {
    const rows = await publish(
      {
        messages: 100,
        size: 100,
        runs: 1,
        durabilities: ['Always'],
        modes: ['Fifo'],
        folder: tmpdir(),
        quick: false,
        peers: [],
      },
      () => undefined,
    )
    const linux = process.platform === 'linux' ? ['publish-cpu', 'publish-cpu-server'] : []
    expect(rows.map(({ name, durability, inFlight }) => [name, durability, inFlight])).toEqual(
      [1, 10, 100, 1000].flatMap((inFlight) => ['publish', ...linux].map((name) => [name, 'Always', inFlight])),
    )
    for (const { unit, ours, raw, ratio } of rows) {
      // So few messages may take less processor time than Linux counts in.
      if (unit === 'msg/s') for (const figure of [ours, raw, ratio]) expect(figure).toBeGreaterThan(0)
      else for (const figure of [ours, raw]) expect(figure).toBeGreaterThanOrEqual(0)
    }
  },
)
