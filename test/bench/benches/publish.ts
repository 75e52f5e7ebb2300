import { tempFolder } from '../../harness/temp-folder.ts'
import { cases } from '../cases.ts'
import { cpuRows, withCpu } from '../cpu.ts'
import type { BenchModeName } from '../modes.ts'
import type { BenchOptions } from '../options.ts'
import { peersInTurn } from '../peers/in-turn.ts'
import { buildLoad, type Load } from '../programs/load.ts'
import { type Durability, type Row, row } from '../row.ts'
import { ours } from '../sides/ours.ts'
import { raw } from '../sides/raw.ts'
import type { Side } from '../sides/side.ts'
import { inTurns } from '../turns.ts'

const IN_FLIGHT = [1, 10, 100, 1000] as const

/** A run ends after this, however many messages there were. */
const longest = (quick: boolean): string => (quick ? '1s' : '3s')

/**
 * Acknowledged publishes a second, so many in flight at any moment, by one client, and the processor time of each; all in turn, each run on a fresh
 * folder.
 */
export async function publish(options: BenchOptions, progress: (line: string) => void): Promise<Row[]> {
  const load = await buildLoad()
  const rows: Row[] = []
  for (const [mode, durability] of cases(options)) {
    for (const inFlight of IN_FLIGHT) {
      const { messages, size } = options
      const asked = { 'in-flight': inFlight, messages, size, longest: longest(options.quick) }
      await using peers = await peersInTurn(
        options.peers,
        options.folder,
        async ({ server }, broker) => (await load({ broker, server, ...asked })).rate,
        progress,
      )
      const runs = await inTurns(
        [ours, raw],
        options.runs,
        (side) => measure(load, side, durability, mode, asked, options.folder),
        ({ result: rate }, run, { name }) =>
          progress(`publish ${mode} ${durability} ${inFlight} in flight run ${run} ${name}: ${rate} msg/s`),
        peers.turns,
      )
      const what = { name: 'publish', mode, durability, inFlight }
      const rates = (side: Side): number[] => runs[side.name].map((measured) => measured.result)
      rows.push(
        row(what, 'msg/s', rates(ours), rates(raw), peers.figures()),
        ...cpuRows(
          what,
          runs.ours.map(({ cpu }) => cpu),
          runs.raw.map(({ cpu }) => cpu),
        ),
      )
    }
  }
  return rows
}

async function measure(
  load: Load,
  side: Side,
  durability: Durability,
  mode: BenchModeName,
  asked: Readonly<Record<string, string | number>>,
  parent: string,
) {
  await using folder = await tempFolder('bench', parent)
  const broker = await side.start(folder.path, durability, mode)
  try {
    return await withCpu(broker, async () => {
      const { rate, all } = await load({ server: broker.url, subject: broker.subject(0), ...asked })
      return { result: rate, messages: all }
    })
  } finally {
    await broker.stop()
  }
}
