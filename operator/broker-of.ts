import type { StoredQueue, StoredQueueOperation } from './kube/resources.ts'

/** The QueueBroker that a Queue names, or the one of its own name that is made for it; also where the spec cannot be read. */
export const brokerOf = (queue: StoredQueue): string => brokerRefOf(queue) ?? queue.metadata.name

/** The QueueBroker that a Queue names; undefined: it has one of its own. */
export function brokerRefOf(queue: StoredQueue): string | undefined {
  const { spec } = queue
  if (!hasKey(spec, 'brokerRef') || !hasKey(spec.brokerRef, 'name')) return undefined
  return typeof spec.brokerRef.name === 'string' ? spec.brokerRef.name : undefined
}

/** The Queue that an operation names; also where the spec cannot be read. */
export function queueRefOf({ spec }: StoredQueueOperation): string {
  if (!hasKey(spec, 'queueRef') || !hasKey(spec.queueRef, 'name')) return ''
  return typeof spec.queueRef.name === 'string' ? spec.queueRef.name : ''
}

const hasKey = <K extends string>(value: unknown, key: K): value is Record<K, unknown> =>
  typeof value === 'object' && value !== null && key in value
