import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { buildGo } from '../../harness/go.ts'
import { tempFolder } from '../../harness/temp-folder.ts'
import type { BenchModeName } from '../modes.ts'
import type { BenchOptions } from '../options.ts'
import { runCommand } from '../programs/run.ts'
import { type Durability, type Row, row } from '../row.ts'
import { ours } from '../sides/ours.ts'
import { raw } from '../sides/raw.ts'
import type { Side } from '../sides/side.ts'
import { inTurns } from '../turns.ts'

const SOURCE = fileURLToPath(new URL('../go', import.meta.url))
const IN_FLIGHT = [1, 10, 100, 1000] as const

const result = z.object({ seconds: z.number().positive(), published: z.int().positive() })

/** Acknowledged publishes a second, so many in flight at any moment, by one client; both sides in turn, each run on a fresh folder. */
export async function publish(options: BenchOptions, progress: (line: string) => void): Promise<Row[]> {
  const program = await buildGo(SOURCE, '.', 'bench', 'publish')
  const rows: Row[] = []
  for (const [mode, durability] of options.modes.flatMap((m) => options.durabilities.map((d) => [m, d] as const))) {
    for (const inFlight of IN_FLIGHT) {
      const runs = await inTurns(
        [ours, raw],
        options.runs,
        (side) => measure(program, side, durability, mode, inFlight, options),
        (rate, run, { name }) =>
          progress(`publish ${mode} ${durability} ${inFlight} in flight run ${run} ${name}: ${rate} msg/s`),
      )
      rows.push(row({ name: 'publish', mode, durability, inFlight }, 'msg/s', runs.ours, runs.raw))
    }
  }
  return rows
}

async function measure(
  program: string,
  side: Side,
  durability: Durability,
  mode: BenchModeName,
  inFlight: number,
  { folder: parent, messages, size }: BenchOptions,
): Promise<number> {
  await using folder = await tempFolder('bench', parent)
  const broker = await side.start(folder.path, durability, mode)
  try {
    const named = { server: broker.url, subject: broker.subject(0), 'in-flight': inFlight, messages, size }
    const args = Object.entries(named).flatMap(([name, value]) => [`--${name}`, String(value)])
    const { seconds, published } = result.parse(await runCommand(program, args))
    return Math.round(published / seconds)
  } finally {
    await broker.stop()
  }
}
