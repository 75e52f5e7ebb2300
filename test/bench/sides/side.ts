import type { BenchModeName } from '../modes.ts'
import type { Durability } from '../row.ts'

/** A broker that runs, with one queue to measure. */
export interface Broker {
  readonly url: string
  readonly stream: string
  readonly consumer: string
  /** Of each consumer group that there is. */
  readonly consumers: readonly string[]
  /** Where message number `n` is published to. */
  readonly subject: (n: number) => string
  /** The sidecar's process, where there is one. */
  readonly sidecarPid?: number
  readonly serverPid: number
  /** Ends it in an orderly way. What it stored stays in the folder. */
  stop(): Promise<void>
}

/** One of the two things compared. */
export interface Side {
  readonly name: 'ours' | 'raw'
  /**
   * Starts the broker on `folder`, which may hold what an earlier one stored.
   *
   * @param groups how many consumer groups, each of which sees every message; left out: one
   */
  start(folder: string, durability: Durability, mode: BenchModeName, groups?: number): Promise<Broker>
}

/** Between two syncs with durability Interval, on both sides. The default of a QueueBroker. */
export const SYNC_INTERVAL = '1s'

/** Messages that may be delivered and unacknowledged, on both sides. What the lane of a Fifo Queue has. */
export const MAX_ACK_PENDING = 10_000

/** What consumer groups are called, on both sides. */
export const groupNames = (count: number): [string, ...string[]] => [
  'workers',
  ...Array.from({ length: count - 1 }, (_, i) => `workers${i + 2}`),
]
