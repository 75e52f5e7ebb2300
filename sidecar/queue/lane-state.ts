import type { Lane } from '../lanes/lane.ts'
import { LaneLedger } from '../settlement/lane-ledger.ts'

/** How a message ended. */
export type Outcome = 'acknowledged' | 'deadLettered' | 'dropped'

/** One lane at run time. */
export interface LaneState {
  readonly group: string
  lane: Lane
  readonly consumer: string
  ledger: LaneLedger
  /** Moves to the dead letters under way, by sequence. */
  readonly moving: Set<number>
  /** Settled but still pending at JetStream: waiting for a purge, or for their acknowledgement to be passed on. */
  readonly unacked: Set<number>
  /** Until when a retry or an extension keeps a message in flight at least, by sequence; monotonic milliseconds. */
  readonly alive: Map<number, number>
  /** The oldest delivered message with no end on record, and since when it has been that. Monotonic milliseconds. */
  oldest?: { readonly sequence: number; readonly since: number }
  /** Since when there have been more unrecorded messages than JetStream holds pending. Monotonic milliseconds. */
  holeSince?: number
}

export const laneState = (group: string, lane: Lane, consumer: string): LaneState => ({
  group,
  lane,
  consumer,
  ledger: new LaneLedger(),
  moving: new Set(),
  unacked: new Set(),
  alive: new Map(),
})
