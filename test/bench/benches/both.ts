import { cases } from '../cases.ts'
import { onFilled } from '../filled.ts'
import type { BenchOptions } from '../options.ts'
import { buildLoad } from '../programs/load.ts'
import { type Row, row } from '../row.ts'
import { ours } from '../sides/ours.ts'
import { raw } from '../sides/raw.ts'
import type { Side } from '../sides/side.ts'
import { inTurns } from '../turns.ts'

/** Publishes in flight while messages are consumed. */
const IN_FLIGHT = 100

/** Messages a second of consume + acknowledge, and of publish, both at the same time, on a queue that is full at first. */
export async function both(options: BenchOptions, progress: (line: string) => void): Promise<Row[]> {
  const load = await buildLoad()
  const rows: Row[] = []
  for (const [mode, durability] of cases(options)) {
    const runs = await inTurns(
      [ours, raw],
      options.runs,
      (side) =>
        onFilled(side, { ...options, mode, durability }, ({ url, stream, consumer, subject }) => {
          const { messages, size, quick } = options
          const asked = { server: url, stream, consumers: consumer, subject: subject(0), 'in-flight': IN_FLIGHT }
          return load({ do: 'both', ...asked, messages, size, longest: quick ? '1s' : '3s' })
        }),
      ({ rate, publishRate }, run, { name }) =>
        progress(`both ${mode} ${durability} run ${run} ${name}: ${rate} msg/s consumed, ${publishRate} published`),
    )
    const of = (side: Side, figure: 'rate' | 'publishRate'): number[] => runs[side.name].map((loaded) => loaded[figure])
    for (const [name, figure] of [
      ['both-consume', 'rate'],
      ['both-publish', 'publishRate'],
    ] as const) {
      const what = { name, mode, durability, inFlight: IN_FLIGHT }
      rows.push(row(what, 'msg/s', of(ours, figure), of(raw, figure)))
    }
  }
  return rows
}
