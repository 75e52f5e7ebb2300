import type { StoredQueue } from './kube/resources.ts'

/** The QueueBroker that a Queue names, or the one of its own name that is made for it; also where the spec cannot be read. */
export const brokerOf = (queue: StoredQueue): string => brokerRefOf(queue) ?? queue.metadata.name

/** The QueueBroker that a Queue names; undefined: it has one of its own. */
export function brokerRefOf(queue: StoredQueue): string | undefined {
  const { spec } = queue
  if (!hasKey(spec, 'brokerRef') || !hasKey(spec.brokerRef, 'name')) return undefined
  return typeof spec.brokerRef.name === 'string' ? spec.brokerRef.name : undefined
}

const hasKey = <K extends string>(value: unknown, key: K): value is Record<K, unknown> =>
  typeof value === 'object' && value !== null && key in value
