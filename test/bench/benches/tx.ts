import { z } from 'zod'
import { tempFolder } from '../../harness/temp-folder.ts'
import type { BenchOptions } from '../options.ts'
import { peersInTurn } from '../peers/in-turn.ts'
import type { Peer, PeerName, RunningPeer } from '../peers/peer.ts'
import { hundredths } from '../quantiles.ts'
import { preload } from '../preload.ts'
import { buildProgram, loadOf, type Program } from '../programs/load.ts'
import { runProgram } from '../programs/run.ts'
import { type Durability, median, type Peers, type Row, row } from '../row.ts'
import { type Copying, oursCopying, rawCopying } from '../sides/copying.ts'
import { inTurns } from '../turns.ts'

const IN_FLIGHT = [1, 64] as const
/** Beside those that are measured: what the program copies first. */
const MORE = 1000

const figures = ['rate', 'p50', 'p99'] as const
const result = z.record(z.enum(figures), z.number().positive())
type Measured = z.infer<typeof result>

/** Of other makes, those that have transactions over queues for which the client in Go has a driver; others have no figure. */
const TRANSACTING: readonly PeerName[] = ['rabbitmq']
/** Publishes in flight while a peer is filled. */
const FILLING = 1000

/** Copies so many messages of a broker's queue to two others. */
type Copy = (url: string, how: Copying['how'], inFlight: number, messages: number) => Promise<Measured>

/**
 * Transactions of two sends and an acknowledgement a second, and how long each takes; raw: the same without a transaction. Beside peers the client is
 * one in Go on every side, since theirs are.
 */
export async function tx(options: BenchOptions, progress: (line: string) => void): Promise<Row[]> {
  const rows: Row[] = []
  const program = options.peers.length > 0 ? await buildProgram() : undefined
  const copy = program === undefined ? copyInNode : copyInGo(program)
  for (const [durability, inFlight] of options.durabilities.flatMap((d) => IN_FLIGHT.map((n) => [d, n] as const))) {
    const beside = peersCopying(program, inFlight, options)
    await using peers = await peersInTurn(beside.peers, options.folder, beside.measure, progress, 'tx/s')
    const runs = await inTurns(
      [oursCopying, rawCopying],
      options.runs,
      (side) => measure(side, durability, inFlight, options, copy),
      ({ rate, p50, p99 }, run, { name }) =>
        progress(
          `tx ${durability} ${inFlight} in flight run ${run} ${name}: ${rate} tx/s, p50 ${p50} ms, p99 ${p99} ms`,
        ),
      peers.turns,
    )
    const rates = peers.figures()
    for (const figure of figures) {
      const of = (side: Copying): number[] => runs[side.name].map((measured) => measured[figure])
      const name = `tx-${inFlight}${figure === 'rate' ? '' : `-${figure}`}`
      const unit = figure === 'rate' ? 'tx/s' : 'ms'
      rows.push(
        row({ name, mode: 'Fifo', durability }, unit, of(oursCopying), of(rawCopying), beside.of(figure, rates)),
      )
    }
  }
  return rows
}

const rounded = (printed: unknown): Measured => {
  const { rate, p50, p99 } = result.parse(printed)
  return { rate: Math.round(rate), p50: hundredths(p50), p99: hundredths(p99) }
}

const copyInNode: Copy = async (url, how, inFlight, messages) =>
  rounded(await runProgram('tx', [url, how, String(inFlight), String(messages)]))

const copyInGo =
  (program: Program): Copy =>
  async (server, how, inFlight, messages) => {
    const consumed = { stream: 'from', consumers: 'workers' }
    return rounded(await program({ do: 'copy', server, how, ...consumed, 'in-flight': inFlight, messages }))
  }

/** How peers are measured, and what they came to by figure, where their rates are known. */
function peersCopying(
  program: Program | undefined,
  inFlight: number,
  { peers, messages, size }: BenchOptions,
): {
  readonly peers: readonly Peer[]
  readonly measure: (running: RunningPeer, name: PeerName) => Promise<number>
  readonly of: (figure: (typeof figures)[number], rates: Peers) => Peers
} {
  if (program === undefined) return { peers: [], measure: async () => Number.NaN, of: () => ({}) }
  const load = loadOf(program)
  const measured = new Map<PeerName, Measured[]>()
  return {
    peers: peers.filter(({ name }) => TRANSACTING.includes(name)),
    measure: async ({ server }, broker) => {
      await load({ do: 'fill', broker, server, 'in-flight': FILLING, messages: messages + MORE, size })
      const all = rounded(await program({ do: 'copy', broker, server, 'in-flight': inFlight, messages }))
      measured.set(broker, [...(measured.get(broker) ?? []), all])
      return all.rate
    },
    of: (figure, rates) =>
      Object.fromEntries(
        peers.map(({ name }) => {
          const rate = rates[name] ?? { notRun: 'its transactions are not measured' }
          const values = measured.get(name)?.map((all) => all[figure]) ?? []
          return [name, 'notRun' in rate ? rate : { version: rate.version, median: median(values), runs: values }]
        }),
      ),
  }
}

async function measure(
  side: Copying,
  durability: Durability,
  inFlight: number,
  { folder: parent, messages, size }: BenchOptions,
  copy: Copy,
): Promise<Measured> {
  await using folder = await tempFolder('bench', parent)
  const broker = await side.start(folder.path, durability)
  try {
    await preload({ url: broker.url, stream: 'from', subject: () => 'q.from' }, messages + MORE, size)
    return await copy(broker.url, side.how, inFlight, messages)
  } finally {
    await broker.stop()
  }
}
