import { z } from 'zod'
import { tempFolder } from '../../harness/temp-folder.ts'
import type { BenchModeName } from '../modes.ts'
import type { BenchOptions } from '../options.ts'
import { hundredths } from '../quantiles.ts'
import { runProgram } from '../programs/run.ts'
import { type Durability, type Row, row } from '../row.ts'
import { ours } from '../sides/ours.ts'
import { raw } from '../sides/raw.ts'
import type { Side } from '../sides/side.ts'
import { inTurns } from '../turns.ts'

const result = z.object({ p50: z.number().positive(), p99: z.number().positive() })
type Latency = z.infer<typeof result>

/** Milliseconds from publish to delivery to a consumer that waits on an empty queue; both sides in turn. */
export async function latency(options: BenchOptions, progress: (line: string) => void): Promise<Row[]> {
  const rows: Row[] = []
  for (const [mode, durability] of options.modes.flatMap((m) => options.durabilities.map((d) => [m, d] as const))) {
    const runs = await inTurns(
      [ours, raw],
      options.runs,
      (side) => measure(side, durability, mode, options),
      ({ p50, p99 }, run, { name }) =>
        progress(`latency ${mode} ${durability} run ${run} ${name}: p50 ${p50} ms, p99 ${p99} ms`),
    )
    for (const at of ['p50', 'p99'] as const) {
      const of = (side: Side): number[] => runs[side.name].map((measured) => measured[at])
      rows.push(row({ name: `latency-${at}`, mode, durability }, 'ms', of(ours), of(raw)))
    }
  }
  return rows
}

async function measure(
  side: Side,
  durability: Durability,
  mode: BenchModeName,
  { folder: parent, messages, size }: BenchOptions,
): Promise<Latency> {
  await using folder = await tempFolder('bench', parent)
  const broker = await side.start(folder.path, durability, mode)
  try {
    const named = side.name === 'raw' ? 'raw' : mode
    const args = [broker.url, broker.stream, broker.consumer, named, String(messages), String(size)]
    const { p50, p99 } = result.parse(await runProgram('latency', args))
    return { p50: hundredths(p50), p99: hundredths(p99) }
  } finally {
    await broker.stop()
  }
}
