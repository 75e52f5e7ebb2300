import type { LaneState } from './pick.ts'

/** One lane: it, ready or not, since nats-server itself holds a pull that finds nothing. */
export const pickFifo = (lanes: readonly LaneState[]): LaneState | undefined => lanes[0]
