import { queueSubject } from '../../crds/protocol/subjects.ts'
import { type Lane, MAX_IN_FLIGHT, type StreamShape } from './lane.ts'

/** Fifo: one lane. Strict: one message in flight in the whole group, so that a retry overtakes nothing. */
export const fifoLanes = (queue: string, strict: boolean): Lane[] => [
  { name: 'fifo', filterSubject: queueSubject(queue), maxAckPending: strict ? 1 : MAX_IN_FLIGHT },
]

export const fifoShape = (queue: string): StreamShape => ({ subjects: [queueSubject(queue)] })
