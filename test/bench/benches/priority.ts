import { z } from 'zod'
import { onFilled } from '../filled.ts'
import type { BenchOptions } from '../options.ts'
import { runProgram } from '../programs/run.ts'
import { hundredths } from '../quantiles.ts'
import { type Row, row } from '../row.ts'
import { ours } from '../sides/ours.ts'
import { raw } from '../sides/raw.ts'
import type { Side } from '../sides/side.ts'
import { inTurns } from '../turns.ts'

const figures = ['rate', 'p50', 'p99'] as const
const result = z.record(z.enum(figures), z.number().positive())

/**
 * Milliseconds from publish to delivery of urgent messages, one after every hundred that are consumed, while a queue full of others is; and messages a
 * second of all. Mode Priority; raw JetStream knows no priority, and has them at the end of the queue.
 */
export async function priority(options: BenchOptions, progress: (line: string) => void): Promise<Row[]> {
  const rows: Row[] = []
  for (const durability of options.durabilities) {
    const runs = await inTurns(
      [ours, raw],
      options.runs,
      (side) =>
        onFilled(side, { ...options, mode: 'Priority', durability }, async ({ url, stream, consumer }) => {
          const urgent = side.name === 'ours' ? 'q.bench.9' : 'q.bench'
          const args = [url, stream, consumer, urgent, String(options.messages), String(options.size)]
          const { rate, p50, p99 } = result.parse(await runProgram('priority', args))
          return { rate: Math.round(rate), p50: hundredths(p50), p99: hundredths(p99) }
        }),
      ({ rate, p50, p99 }, run, { name }) =>
        progress(`priority ${durability} run ${run} ${name}: ${rate} msg/s, urgent p50 ${p50} ms, p99 ${p99} ms`),
    )
    for (const figure of figures) {
      const of = (side: Side): number[] => runs[side.name].map((measured) => measured[figure])
      const what = { name: figure === 'rate' ? 'priority' : `priority-${figure}`, mode: 'Priority', durability }
      rows.push(row(what, figure === 'rate' ? 'msg/s' : 'ms', of(ours), of(raw)))
    }
  }
  return rows
}
