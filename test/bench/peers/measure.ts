import { tempFolder } from '../../harness/temp-folder.ts'
import { median, type PeerFigure } from '../row.ts'
import type { Peer, PeerName, RunningPeer } from './peer.ts'

/**
 * Measures each peer so often, started once, since some take many seconds to start. One that cannot be had, or fails, is in the result with the
 * reason, and the others are measured all the same.
 *
 * @param parent of the folder in which each stores
 * @param unit of what `measure` gives
 */
export async function measurePeers(
  peers: readonly Peer[],
  runs: number,
  parent: string,
  measure: (running: RunningPeer, name: PeerName) => Promise<number>,
  progress: (line: string) => void,
  unit = 'msg/s',
): Promise<Partial<Record<PeerName, PeerFigure>>> {
  const figures: Partial<Record<PeerName, PeerFigure>> = {}
  for (const peer of peers) {
    try {
      const version = await peer.install(progress)
      const measured = await measureRuns(peer, runs, parent, async (running, run) => {
        const rate = await measure(running, peer.name)
        progress(`  run ${run} ${peer.name} ${version}: ${rate} ${unit}`)
        return rate
      })
      figures[peer.name] = { version, median: median(measured), runs: measured }
    } catch (error) {
      const notRun = error instanceof Error ? error.message : String(error)
      progress(`  ${peer.name} is not measured: ${notRun}${causeOf(error)}`)
      figures[peer.name] = { notRun }
    }
  }
  return figures
}

/** What a command said of itself; not for a result, since it may name folders of this machine. */
const causeOf = (error: unknown): string =>
  error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : ''

async function measureRuns(
  peer: Peer,
  runs: number,
  parent: string,
  measure: (running: RunningPeer, run: number) => Promise<number>,
): Promise<number[]> {
  await using folder = await tempFolder('bench', parent)
  const running = await peer.start(folder.path)
  try {
    const measured: number[] = []
    for (let run = 1; run <= runs; run++) measured.push(await measure(running, run))
    return measured
  } finally {
    await running.stop()
  }
}
