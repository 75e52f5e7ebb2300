import { tempFolder } from '../../harness/temp-folder.ts'
import type { BenchModeName } from '../modes.ts'
import type { BenchOptions } from '../options.ts'
import { measurePeers } from '../peers/measure.ts'
import { buildLoad, type Load } from '../programs/load.ts'
import { type Durability, type Row, row } from '../row.ts'
import { ours } from '../sides/ours.ts'
import { raw } from '../sides/raw.ts'
import type { Side } from '../sides/side.ts'
import { inTurns } from '../turns.ts'

const IN_FLIGHT = [1, 10, 100, 1000] as const

/** Acknowledged publishes a second, so many in flight at any moment, by one client; both sides in turn, each run on a fresh folder. */
export async function publish(options: BenchOptions, progress: (line: string) => void): Promise<Row[]> {
  const load = await buildLoad()
  const rows: Row[] = []
  for (const [mode, durability] of options.modes.flatMap((m) => options.durabilities.map((d) => [m, d] as const))) {
    for (const inFlight of IN_FLIGHT) {
      const runs = await inTurns(
        [ours, raw],
        options.runs,
        (side) => measure(load, side, durability, mode, inFlight, options),
        (rate, run, { name }) =>
          progress(`publish ${mode} ${durability} ${inFlight} in flight run ${run} ${name}: ${rate} msg/s`),
      )
      const { messages, size } = options
      const peers = await measurePeers(
        options.peers,
        options.runs,
        options.folder,
        ({ server }, broker) => load({ broker, server, 'in-flight': inFlight, messages, size }),
        progress,
      )
      rows.push(row({ name: 'publish', mode, durability, inFlight }, 'msg/s', runs.ours, runs.raw, peers))
    }
  }
  return rows
}

async function measure(
  load: Load,
  side: Side,
  durability: Durability,
  mode: BenchModeName,
  inFlight: number,
  { folder: parent, messages, size }: BenchOptions,
): Promise<number> {
  await using folder = await tempFolder('bench', parent)
  const broker = await side.start(folder.path, durability, mode)
  try {
    return await load({ server: broker.url, subject: broker.subject(0), 'in-flight': inFlight, messages, size })
  } finally {
    await broker.stop()
  }
}
