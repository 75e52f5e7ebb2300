import { z } from 'zod'
import { tempFolder } from '../../harness/temp-folder.ts'
import type { BenchModeName } from '../modes.ts'
import type { BenchOptions } from '../options.ts'
import { preload } from '../preload.ts'
import { runProgram } from '../programs/run.ts'
import { type Durability, type Row, row } from '../row.ts'
import { ours } from '../sides/ours.ts'
import { raw } from '../sides/raw.ts'
import type { Side } from '../sides/side.ts'
import { inTurns } from '../turns.ts'

/**
 * What the client may hold at once. Measured on raw JetStream with 100,000 messages of 256 bytes: below 500 the pulls cost, above
 * 2,000 nothing is gained.
 */
const MAX_MESSAGES = 1000

const result = z.object({ seconds: z.number().positive(), consumed: z.int() })

/** Messages a second of consume + acknowledge of a full queue by one stock client; both sides in turn, each run on a fresh folder. */
export async function consume(options: BenchOptions, progress: (line: string) => void): Promise<Row[]> {
  const rows: Row[] = []
  for (const [mode, durability] of options.modes.flatMap((m) => options.durabilities.map((d) => [m, d] as const))) {
    const runs = await inTurns(
      [ours, raw],
      options.runs,
      (side) => measure(side, durability, mode, options),
      (rate, run, { name }) => progress(`consume ${mode} ${durability} run ${run} ${name}: ${rate} msg/s`),
    )
    rows.push(row({ name: 'consume', mode, durability }, 'msg/s', runs.ours, runs.raw))
  }
  return rows
}

async function measure(
  side: Side,
  durability: Durability,
  mode: BenchModeName,
  options: BenchOptions,
): Promise<number> {
  await using folder = await tempFolder('bench', options.folder)
  // With Interval whatever is measured, since that is many times faster to fill; stopping the broker puts it all on disk.
  const filling = await side.start(folder.path, 'Interval', mode)
  try {
    await preload(filling, options.messages, options.size)
  } finally {
    await filling.stop()
  }
  const broker = await side.start(folder.path, durability, mode)
  try {
    const args = [broker.url, broker.stream, broker.consumer, String(options.messages), String(MAX_MESSAGES)]
    const { seconds } = result.parse(await runProgram('consume', args))
    return Math.round(options.messages / seconds)
  } finally {
    await broker.stop()
  }
}
