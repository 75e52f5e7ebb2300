import { z } from 'zod'
import { tempFolder } from '../../harness/temp-folder.ts'
import type { BenchOptions } from '../options.ts'
import { hundredths } from '../quantiles.ts'
import { preload } from '../preload.ts'
import { runProgram } from '../programs/run.ts'
import { type Durability, type Row, row } from '../row.ts'
import { type Copying, oursCopying, rawCopying } from '../sides/copying.ts'
import { inTurns } from '../turns.ts'

const IN_FLIGHT = [1, 64] as const
/** Beside those that are measured: what the program copies first. */
const MORE = 1000

const figures = ['rate', 'p50', 'p99'] as const
const result = z.record(z.enum(figures), z.number().positive())
type Measured = z.infer<typeof result>

/** Transactions of two sends and an acknowledgement a second, and how long each takes; raw: the same without a transaction. */
export async function tx(options: BenchOptions, progress: (line: string) => void): Promise<Row[]> {
  const rows: Row[] = []
  for (const [durability, inFlight] of options.durabilities.flatMap((d) => IN_FLIGHT.map((n) => [d, n] as const))) {
    const runs = await inTurns(
      [oursCopying, rawCopying],
      options.runs,
      (side) => measure(side, durability, inFlight, options),
      ({ rate, p50, p99 }, run, { name }) =>
        progress(
          `tx ${durability} ${inFlight} in flight run ${run} ${name}: ${rate} tx/s, p50 ${p50} ms, p99 ${p99} ms`,
        ),
    )
    for (const figure of figures) {
      const of = (side: Copying): number[] => runs[side.name].map((measured) => measured[figure])
      const name = `tx-${inFlight}${figure === 'rate' ? '' : `-${figure}`}`
      rows.push(
        row({ name, mode: 'Fifo', durability }, figure === 'rate' ? 'tx/s' : 'ms', of(oursCopying), of(rawCopying)),
      )
    }
  }
  return rows
}

async function measure(
  side: Copying,
  durability: Durability,
  inFlight: number,
  { folder: parent, messages, size }: BenchOptions,
): Promise<Measured> {
  await using folder = await tempFolder('bench', parent)
  const broker = await side.start(folder.path, durability)
  try {
    await preload({ url: broker.url, stream: 'from', subject: () => 'q.from' }, messages + MORE, size)
    const args = [broker.url, side.how, String(inFlight), String(messages)]
    const { rate, p50, p99 } = result.parse(await runProgram('tx', args))
    return { rate: Math.round(rate), p50: hundredths(p50), p99: hundredths(p99) }
  } finally {
    await broker.stop()
  }
}
