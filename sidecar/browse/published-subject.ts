import type { QueueSpec } from '../../crds/index.ts'
import { queueSubject } from '../../crds/protocol/subjects.ts'
import { modeOf } from '../lanes/lanes.ts'

type Spec = Pick<QueueSpec, 'type' | 'ordering' | 'hierarchy'>

/** What a message was published to, of what it is stored as: of KeyedFifo the key without its partition. Pure. */
export function publishedSubject(queue: string, spec: Spec, stored: string): string {
  const rest = stored.slice(queueSubject(queue).length + 1)
  if (modeOf(spec) !== 'KeyedFifo' || !rest.includes('.')) return stored
  return `${queueSubject(queue)}.${rest.slice(rest.indexOf('.') + 1)}`
}
