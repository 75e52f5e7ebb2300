import { cases } from '../cases.ts'
import { onFilled } from '../filled.ts'
import type { BenchOptions } from '../options.ts'
import { buildLoad } from '../programs/load.ts'
import { type Row, row } from '../row.ts'
import { ours } from '../sides/ours.ts'
import { raw } from '../sides/raw.ts'
import { inTurns } from '../turns.ts'

/** Messages that wait behind those that are consumed. */
const DEPTHS = { all: [0, 10_000, 100_000, 1_000_000], quick: [0, 10_000] } as const

/** Messages a second of consume + acknowledge of the first in a queue that has so many more. */
export async function depth(options: BenchOptions, progress: (line: string) => void): Promise<Row[]> {
  const load = await buildLoad()
  const rows: Row[] = []
  for (const [mode, durability] of cases(options)) {
    for (const waiting of options.quick ? DEPTHS.quick : DEPTHS.all) {
      const runs = await inTurns(
        [ours, raw],
        options.runs,
        (side) =>
          onFilled(
            side,
            { ...options, mode, durability, messages: options.messages + waiting },
            async ({ url, stream, consumer }) => {
              const { messages } = options
              const asked = { do: 'consume', server: url, stream, consumers: consumer, messages, leave: waiting }
              return (await load(asked)).rate
            },
          ),
        (rate, run, { name }) =>
          progress(`depth ${mode} ${durability} ${waiting} waiting run ${run} ${name}: ${rate} msg/s`),
      )
      rows.push(row({ name: 'depth', mode, durability, waiting }, 'msg/s', runs.ours, runs.raw))
    }
  }
  return rows
}
