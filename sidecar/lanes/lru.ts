import { queueSubject } from '../../crds/protocol/subjects.ts'
import { type Lane, MAX_IN_FLIGHT, type StreamShape } from './lane.ts'

/**
 * One lane. JetStream delivers a message once: what becomes of one that failed is for the sidecar to say, which moves it to the
 * tail before it is delivered again.
 */
export const lruLanes = (queue: string): Lane[] => [
  {
    name: 'lru',
    filterSubject: `${queueSubject(queue)}.*`,
    isWhole: true,
    maxAckPending: MAX_IN_FLIGHT,
    maxDeliver: 1,
  },
]

/** One message a key: a newer one of the same key takes the place of the older, at the tail. */
export const lruShape = (queue: string): StreamShape => ({ subjects: [`${queueSubject(queue)}.*`], maxPerSubject: 1 })
