import { queueSubject } from '../../crds/protocol/subjects.ts'
import type { Lane, StreamShape } from './lane.ts'

/** A lane a partition, one message in flight in each: what is retried blocks its own partition and nothing else. */
export const keyedFifoLanes = (queue: string, partitions: number): Lane[] =>
  Array.from({ length: partitions }, (_, partition) => ({
    name: `p${partition}`,
    filterSubject: `${queueSubject(queue)}.${partition}.*`,
    maxAckPending: 1,
  }))

/**
 * A key is stored as `q.<queue>.<partition>.<key>`; nats-server's hash of the key says which partition. That comes first, since
 * nats-server finds the next message of a lane many times faster where the wildcard of its filter is at the end.
 */
export const keyedFifoShape = (queue: string, partitions: number): StreamShape => ({
  subjects: [`${queueSubject(queue)}.*`],
  transform: {
    src: `${queueSubject(queue)}.*`,
    dest: `${queueSubject(queue)}.{{partition(${partitions},1)}}.{{wildcard(1)}}`,
  },
})
