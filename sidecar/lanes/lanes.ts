import type { QueueSpec } from '../../crds/index.ts'
import { fifoLanes } from './fifo.ts'
import type { Lane } from './lane.ts'

/** The lanes of each group of a Queue: what `ordering.mode` means for JetStream. Pure. */
export function lanes(queue: string, spec: Pick<QueueSpec, 'ordering'>): Lane[] {
  switch (spec.ordering.mode) {
    case 'Fifo':
      return fifoLanes(queue, spec.ordering.strict)
    case 'KeyedFifo':
    case 'Priority':
    case 'Lru':
      throw new RangeError(`ordering.mode ${spec.ordering.mode} is not implemented yet; use Fifo`)
    default:
      return spec.ordering.mode satisfies never
  }
}
