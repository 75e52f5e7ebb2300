import { keyedFifoOf, priorityOf, type QueueSpec } from '../../crds/index.ts'
import { fifoLanes, fifoShape } from './fifo.ts'
import { keyedFifoLanes, keyedFifoShape } from './keyed-fifo.ts'
import type { Lane, StreamShape } from './lane.ts'
import { lruLanes, lruShape } from './lru.ts'
import { priorityLanes, priorityShape } from './priority.ts'

type Ordering = Pick<QueueSpec, 'ordering'>

/** The lanes of each group of a Queue: what `ordering.mode` means for JetStream. Pure. */
export function lanes(queue: string, { ordering }: Ordering): Lane[] {
  switch (ordering.mode) {
    case 'Fifo':
      return fifoLanes(queue, ordering.strict)
    case 'KeyedFifo':
      return keyedFifoLanes(queue, keyedFifoOf(ordering).partitions)
    case 'Priority':
      return priorityLanes(queue, priorityOf(ordering).levels)
    case 'Lru':
      return lruLanes(queue)
    default:
      return ordering.mode satisfies never
  }
}

/** The subjects of a Queue's stream. Pure. */
export function streamShape(queue: string, { ordering }: Ordering): StreamShape {
  switch (ordering.mode) {
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
    default:
      return ordering.mode satisfies never
  }
}

/**
 * Whether a group's messages are spread over lanes. Then the sidecar holds the pulls and says which lane serves each; a lone lane
 * gets them as they are, and nats-server holds them.
 */
export const isSpread = ({ ordering }: Ordering): boolean =>
  ordering.mode === 'KeyedFifo' || ordering.mode === 'Priority'

/** Whether a lane's sequences have gaps, since other lanes or newer messages of the same key have the numbers between. */
export const hasGaps = ({ ordering }: Ordering): boolean => ordering.mode !== 'Fifo'

/** Whether a message that failed goes to the tail, instead of being delivered again where it is. */
export const movesToTail = ({ ordering }: Ordering): boolean => ordering.mode === 'Lru'

/** The lane of a group that a stored message is in, where there are several. */
export function laneOf({ ordering }: Ordering, subject: string): string {
  const token = subject.slice(subject.lastIndexOf('.') + 1)
  return ordering.mode === 'Priority' ? `l${token}` : `p${token}`
}
