/** A broker of another make that runs, with every confirmed message synced to disk. */
export interface RunningPeer {
  /** What clients connect to: a URL on loopback. */
  readonly server: string
  /** Ends it with all that it started. */
  stop(): Promise<void>
}

/** A broker of another make. */
export interface Peer {
  /** As the load's program (../go) knows it. */
  readonly name: PeerName
  /**
   * Gets it into the cache where it is not there yet, without touching the system. Throws PeerMissing where that cannot be done.
   *
   * @returns its version
   */
  install(progress: (line: string) => void): Promise<string>
  /** Starts it on an empty folder. */
  start(folder: string): Promise<RunningPeer>
}

export const PEER_NAMES = ['redis', 'rabbitmq', 'artemis', 'kafka'] as const
export type PeerName = (typeof PEER_NAMES)[number]

/** A peer cannot be had on this machine; says why, and what to install. */
export class PeerMissing extends Error {
  override readonly name = 'PeerMissing'
}
