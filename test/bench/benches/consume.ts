import { z } from 'zod'
import { cases } from '../cases.ts'
import { cpuRows, withCpu } from '../cpu.ts'
import { onFilled } from '../filled.ts'
import type { BenchOptions } from '../options.ts'
import { peersInTurn } from '../peers/in-turn.ts'
import type { PeerName, RunningPeer } from '../peers/peer.ts'
import { buildLoad, type Load } from '../programs/load.ts'
import { runProgram } from '../programs/run.ts'
import { type Row, row } from '../row.ts'
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
 * Messages a second of consume + acknowledge of a full queue by one stock client, and the processor time of each; all in turn, each run on a fresh folder.
 * Beside peers the client is one in Go on every side, since theirs are, and one in Node.js takes fewer than they give.
 */
export async function consume(options: BenchOptions, progress: (line: string) => void): Promise<Row[]> {
  const rows: Row[] = []
  const load = options.peers.length > 0 ? await buildLoad() : undefined
  const take = load === undefined ? takeInNode : takeInGo(load)
  for (const [mode, durability] of cases(options)) {
    await using peers = await peersInTurn(
      load === undefined ? [] : options.peers,
      options.folder,
      load === undefined ? async () => Number.NaN : measurePeer(load, options),
      progress,
    )
    const runs = await inTurns(
      [ours, raw],
      options.runs,
      (side) => onFilled(side, { ...options, mode, durability }, (broker) => measure(broker, options.messages, take)),
      ({ result: rate }, run, { name }) => progress(`consume ${mode} ${durability} run ${run} ${name}: ${rate} msg/s`),
      peers.turns,
    )
    const what = { name: 'consume', mode, durability }
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
  return rows
}

const measure = (broker: Broker, messages: number, take: Take) =>
  withCpu(broker, async () => ({ result: await take(broker, messages), messages }))

/** Consumes all there is. @returns messages a second */
type Take = (broker: Broker, messages: number) => Promise<number>

const takeInNode: Take = async (broker, messages) => {
  const args = [broker.url, broker.stream, broker.consumer, String(messages), String(MAX_MESSAGES)]
  const { seconds } = result.parse(await runProgram('consume', args))
  return Math.round(messages / seconds)
}

const takeInGo =
  (load: Load): Take =>
  async ({ url, stream, consumer }, messages) =>
    (await load({ do: 'consume', server: url, stream, consumers: consumer, messages })).rate

const measurePeer =
  (load: Load, { messages, size }: BenchOptions) =>
  async ({ server }: RunningPeer, broker: PeerName): Promise<number> => {
    await load({ do: 'fill', broker, server, 'in-flight': FILLING, messages, size })
    return (await load({ do: 'consume', broker, server, messages })).rate
  }
