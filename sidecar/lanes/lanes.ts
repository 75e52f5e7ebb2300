import { hierarchyOf, keyedFifoOf, priorityOf, type QueueSpec } from '../../crds/index.ts'
import { queueSubject } from '../../crds/protocol/subjects.ts'
import { fifoLanes, fifoShape } from './fifo.ts'
import { hierarchicalLanes, hierarchicalShape, isWithin } from './hierarchical.ts'
import { keyedFifoLanes, keyedFifoShape } from './keyed-fifo.ts'
import type { Lane, StreamShape } from './lane.ts'
import { lruLanes, lruShape } from './lru.ts'
import { priorityLanes, priorityShape } from './priority.ts'

type Spec = Pick<QueueSpec, 'type' | 'ordering' | 'hierarchy'>
type Mode = QueueSpec['ordering']['mode'] | 'Hierarchical'
type Group = Pick<QueueSpec['consumerGroups'][number], 'path'>

/** What decides about the lanes of a Queue: its ordering, or that it is a tree. */
export const modeOf = ({ type, ordering }: Spec): Mode => (type === 'Hierarchical' ? type : ordering.mode)

/**
 * The lanes of a group of a Queue: what its mode means for JetStream. Pure.
 *
 * @param paths the sub-queues that there are, where the Queue is a tree
 */
export function lanes(queue: string, spec: Spec, group: Group, paths: Iterable<string>): Lane[] {
  const { ordering } = spec
  const mode = modeOf(spec)
  switch (mode) {
    case 'Fifo':
      return fifoLanes(queue, ordering.strict)
    case 'KeyedFifo':
      return keyedFifoLanes(queue, keyedFifoOf(ordering).partitions)
    case 'Priority':
      return priorityLanes(queue, priorityOf(ordering).levels)
    case 'Lru':
      return lruLanes(queue)
    case 'Hierarchical':
      return hierarchicalLanes(
        queue,
        [...paths].filter((path) => isWithin(path, group.path)),
        ordering.strict,
      )
    default:
      return mode satisfies never
  }
}

/** The subjects of a Queue's stream. Pure. */
export function streamShape(queue: string, spec: Spec): StreamShape {
  const { ordering } = spec
  const mode = modeOf(spec)
  switch (mode) {
    case 'Fifo':
      return fifoShape(queue)
    case 'Lru':
      return lruShape(queue)
    case 'KeyedFifo':
      return keyedFifoShape(queue, keyedFifoOf(ordering).partitions)
    case 'Priority': {
      const { levels, defaultLevel } = priorityOf(ordering)
      return priorityShape(queue, levels, defaultLevel)
    }
    case 'Hierarchical':
      return hierarchicalShape(queue, hierarchyOf(spec).maxMessagesPerSubQueue)
    default:
      return mode satisfies never
  }
}

/**
 * Whether the sidecar holds the pulls of a group and says which lane serves each, or, with one active consumer, which pull is
 * served. Else a lone lane gets them as they are, and nats-server holds them.
 */
export const isSpread = (spec: Spec): boolean =>
  spec.type === 'Exclusive' || ['KeyedFifo', 'Priority', 'Hierarchical'].includes(modeOf(spec))

/** Whether lanes come and go with the sub-queues that are published to. */
export const isTree = (spec: Spec): boolean => modeOf(spec) === 'Hierarchical'

/**
 * Whether a lane's messages are counted one by one: where its sequences have gaps, since other lanes or newer messages of the same
 * key have the numbers between, and where it has to be known what is in flight.
 */
export const hasGaps = (spec: Spec): boolean => spec.type === 'Exclusive' || modeOf(spec) !== 'Fifo'

/** Whether a message that failed goes to the tail, instead of being delivered again where it is. */
export const movesToTail = (spec: Spec): boolean => modeOf(spec) === 'Lru'

/** The filter subject of the lane that a stored message is in, where there are several. */
export function laneSubject(queue: string, spec: Spec, subject: string): string {
  const mode = modeOf(spec)
  if (mode === 'Lru') return `${queueSubject(queue)}.*`
  return mode === 'KeyedFifo' ? `${subject.slice(0, subject.indexOf('.', queueSubject(queue).length + 1))}.*` : subject
}
