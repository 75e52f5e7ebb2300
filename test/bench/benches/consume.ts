import { z } from 'zod'
import { tempFolder } from '../../harness/temp-folder.ts'
import type { BenchModeName } from '../modes.ts'
import type { BenchOptions } from '../options.ts'
import { measurePeers } from '../peers/measure.ts'
import type { PeerName, RunningPeer } from '../peers/peer.ts'
import { preload } from '../preload.ts'
import { buildLoad, type Load } from '../programs/load.ts'
import { runProgram } from '../programs/run.ts'
import { type Durability, type Row, row } from '../row.ts'
import { ours } from '../sides/ours.ts'
import { raw } from '../sides/raw.ts'
import type { Broker, Side } from '../sides/side.ts'
import { inTurns } from '../turns.ts'

/**
 * What the client may hold at once. Measured on raw JetStream with 100,000 messages of 256 bytes: below 500 the pulls cost, above
 * 2,000 nothing is gained.
 */
const MAX_MESSAGES = 1000

const result = z.object({ seconds: z.number().positive(), consumed: z.int() })

/** Publishes in flight while a peer is filled. */
const FILLING = 1000

/**
 * Messages a second of consume + acknowledge of a full queue by one stock client; both sides in turn, each run on a fresh folder. Beside peers the
 * client is one in Go on every side, since theirs are, and one in Node.js takes fewer than they give.
 */
export async function consume(options: BenchOptions, progress: (line: string) => void): Promise<Row[]> {
  const rows: Row[] = []
  const load = options.peers.length > 0 ? await buildLoad() : undefined
  const take = load === undefined ? takeInNode : takeInGo(load)
  for (const [mode, durability] of options.modes.flatMap((m) => options.durabilities.map((d) => [m, d] as const))) {
    const runs = await inTurns(
      [ours, raw],
      options.runs,
      (side) => measure(side, durability, mode, options, take),
      (rate, run, { name }) => progress(`consume ${mode} ${durability} run ${run} ${name}: ${rate} msg/s`),
    )
    const peers =
      load === undefined
        ? {}
        : await measurePeers(options.peers, options.runs, options.folder, measurePeer(load, options), progress)
    rows.push(row({ name: 'consume', mode, durability }, 'msg/s', runs.ours, runs.raw, peers))
  }
  return rows
}

/** Consumes all there is. @returns messages a second */
type Take = (broker: Broker, messages: number) => Promise<number>

const takeInNode: Take = async (broker, messages) => {
  const args = [broker.url, broker.stream, broker.consumer, String(messages), String(MAX_MESSAGES)]
  const { seconds } = result.parse(await runProgram('consume', args))
  return Math.round(messages / seconds)
}

const takeInGo =
  (load: Load): Take =>
  ({ url, stream, consumer }, messages) =>
    load({ do: 'consume', server: url, stream, consumer, messages })

const measurePeer =
  (load: Load, { messages, size }: BenchOptions) =>
  async ({ server }: RunningPeer, broker: PeerName): Promise<number> => {
    await load({ do: 'fill', broker, server, 'in-flight': FILLING, messages, size })
    return load({ do: 'consume', broker, server, messages })
  }

async function measure(
  side: Side,
  durability: Durability,
  mode: BenchModeName,
  options: BenchOptions,
  take: Take,
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
    return await take(broker, options.messages)
  } finally {
    await broker.stop()
  }
}
