import { queueSubject } from '../../crds/protocol/subjects.ts'
import type { Lane } from './lane.ts'

/**
 * Bounds what a crash delivers again and what settles out of order; far above what consumers prefetch, so that it is the
 * consumers who say how much is in flight.
 */
const MAX_IN_FLIGHT = 50_000

/** Fifo: one lane. Strict: one message in flight in the whole group, so that a retry overtakes nothing. */
export const fifoLanes = (queue: string, strict: boolean): Lane[] => [
  { name: 'fifo', filterSubject: queueSubject(queue), maxAckPending: strict ? 1 : MAX_IN_FLIGHT },
]
