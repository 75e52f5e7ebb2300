import { z } from 'zod'
import { tempFolder } from '../../harness/temp-folder.ts'
import { cases } from '../cases.ts'
import type { BenchModeName } from '../modes.ts'
import type { BenchOptions } from '../options.ts'
import { hundredths } from '../quantiles.ts'
import { runProgram } from '../programs/run.ts'
import { type Durability, type Row, row } from '../row.ts'
import { ours } from '../sides/ours.ts'
import { raw } from '../sides/raw.ts'
import type { Side } from '../sides/side.ts'
import { inTurns } from '../turns.ts'

/** Publishes a second. */
const RATES = { all: [100, 500, 2000], quick: [500] } as const
/** A run is no longer. Seconds. */
const LONGEST_S = 10

const figures = ['p50', 'p99', 'p99.9'] as const
const result = z.record(z.enum(figures), z.number().positive())
type Latency = z.infer<typeof result>

/** Messages of a run at so many a second. */
export const messagesAt = (rate: number, messages: number): number => Math.min(messages, rate * LONGEST_S)

/** Milliseconds from publish to delivery to a consumer that waits on an empty queue, at fixed rates; both sides in turn. */
export async function latency(options: BenchOptions, progress: (line: string) => void): Promise<Row[]> {
  const rows: Row[] = []
  for (const [mode, durability] of cases(options)) {
    for (const rate of options.quick ? RATES.quick : RATES.all) {
      const runs = await inTurns(
        [ours, raw],
        options.runs,
        (side) => measure(side, durability, mode, rate, options),
        (measured, run, { name }) =>
          progress(
            `latency ${mode} ${durability} ${rate} a second run ${run} ${name}: ${figures.map((figure) => `${figure} ${measured[figure]} ms`).join(', ')}`,
          ),
      )
      for (const at of figures) {
        const of = (side: Side): number[] => runs[side.name].map((measured) => measured[at])
        rows.push(row({ name: `latency-${at}`, mode, durability, rate }, 'ms', of(ours), of(raw)))
      }
    }
  }
  return rows
}

async function measure(
  side: Side,
  durability: Durability,
  mode: BenchModeName,
  rate: number,
  { folder: parent, messages, size }: BenchOptions,
): Promise<Latency> {
  await using folder = await tempFolder('bench', parent)
  const broker = await side.start(folder.path, durability, mode)
  try {
    const named = side.name === 'raw' ? 'raw' : mode
    const amount = String(messagesAt(rate, messages))
    const args = [broker.url, broker.stream, broker.consumer, named, amount, String(size), String(rate)]
    const measured = result.parse(await runProgram('latency', args))
    return { p50: hundredths(measured.p50), p99: hundredths(measured.p99), 'p99.9': hundredths(measured['p99.9']) }
  } finally {
    await broker.stop()
  }
}
