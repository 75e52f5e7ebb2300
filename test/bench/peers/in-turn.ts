import { tempFolder, type TempFolder } from '../../harness/temp-folder.ts'
import { median, type PeerFigure } from '../row.ts'
import type { Turn } from '../turns.ts'
import type { Peer, PeerName, RunningPeer } from './peer.ts'

/** Peers that take turns with ours. */
export interface PeersInTurn extends AsyncDisposable {
  /** One each. */
  readonly turns: readonly Turn[]
  /** What they came to. */
  figures(): Partial<Record<PeerName, PeerFigure>>
}

/**
 * Starts each peer once, since some take many seconds to start and their virtual machines longer to be quick; they stay up, idle, while others have
 * their turn. One that cannot be had, or fails, is in the figures with the reason, and the others are measured all the same.
 *
 * @param parent of the folder in which each stores
 */
export async function peersInTurn(
  peers: readonly Peer[],
  parent: string,
  measure: (running: RunningPeer, name: PeerName) => Promise<number>,
  progress: (line: string) => void,
  unit = 'msg/s',
): Promise<PeersInTurn> {
  const members: Member[] = []
  for (const peer of peers) {
    const member = new Member(peer, measure, progress, unit)
    members.push(member)
    await member.start(parent)
  }
  return {
    turns: members.map((member) => (run) => member.turn(run)),
    figures: () => Object.fromEntries(members.map((member) => [member.name, member.figure()])),
    async [Symbol.asyncDispose]() {
      for (const member of members) await member.stop()
    },
  }
}

class Member {
  readonly #peer: Peer
  readonly #measure: (running: RunningPeer, name: PeerName) => Promise<number>
  readonly #progress: (line: string) => void
  readonly #unit: string
  readonly #runs: number[] = []
  #version = ''
  #folder: TempFolder | undefined
  #running: RunningPeer | undefined
  #notRun: string | undefined

  constructor(
    peer: Peer,
    measure: (running: RunningPeer, name: PeerName) => Promise<number>,
    progress: (line: string) => void,
    unit: string,
  ) {
    this.#unit = unit
    this.#peer = peer
    this.#measure = measure
    this.#progress = progress
  }

  get name(): PeerName {
    return this.#peer.name
  }

  async start(parent: string): Promise<void> {
    try {
      this.#version = await this.#peer.install(this.#progress)
      this.#folder = await tempFolder('bench', parent)
      this.#running = await this.#peer.start(this.#folder.path)
    } catch (error) {
      await this.#failed(error)
    }
  }

  async turn(run: number): Promise<void> {
    if (this.#running === undefined) return
    try {
      const rate = await this.#measure(this.#running, this.name)
      this.#runs.push(rate)
      this.#progress(`  run ${run} ${this.name} ${this.#version}: ${rate} ${this.#unit}`)
    } catch (error) {
      await this.#failed(error)
    }
  }

  figure(): PeerFigure {
    if (this.#notRun !== undefined) return { notRun: this.#notRun }
    return { version: this.#version, median: median(this.#runs), runs: this.#runs }
  }

  async stop(): Promise<void> {
    const [running, folder] = [this.#running, this.#folder]
    this.#running = undefined
    this.#folder = undefined
    await running?.stop()
    await folder?.[Symbol.asyncDispose]()
  }

  async #failed(error: unknown): Promise<void> {
    this.#notRun = error instanceof Error ? error.message : String(error)
    this.#progress(`  ${this.name} is not measured: ${this.#notRun}${causeOf(error)}`)
    await this.stop()
  }
}

/** What a command said of itself; not for a result, since it may name folders of this machine. */
const causeOf = (error: unknown): string =>
  error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : ''
