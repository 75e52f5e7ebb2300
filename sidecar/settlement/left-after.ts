import type { LaneState } from '../queue/lane-state.ts'

/**
 * A lane's messages were purged through a sequence. Its floor may have risen past that while nats-server was at it: then what is
 * on record and still there is not known, and is counted as too much rather than too little until the next purge.
 */
export function leftAfter({ ledger, spread, unacked }: LaneState, through: number): void {
  unacked.removeThrough(through)
  if (spread === undefined) return
  spread.flow?.purges()
  spread.purged = through
  if (ledger.floor <= through) spread.unpurged = spread.ledger.settledAbove
}
