import type { StoredQueue, StoredQueueOperation } from './kube/resources.ts'

/** The QueueBroker that a Queue names, or the one of its own name that is made for it; also where the spec cannot be read. */
export const brokerOf = (queue: StoredQueue): string => brokerRefOf(queue) ?? queue.metadata.name

/** The QueueBroker that a Queue names; undefined: it has one of its own. */
export const brokerRefOf = ({ spec }: StoredQueue): string | undefined => refOf(spec, 'brokerRef')

/** The Queue that an operation names; also where the spec cannot be read. */
export const queueRefOf = ({ spec }: StoredQueueOperation): string => refOf(spec, 'queueRef') ?? ''

/** The Queue that an operation moves to; also where the spec cannot be read. */
export const toOf = ({ spec }: StoredQueueOperation): string | undefined => refOf(spec, 'to')

function refOf(spec: unknown, field: string): string | undefined {
  if (!hasKey(spec, field) || !hasKey(spec[field], 'name')) return undefined
  return typeof spec[field].name === 'string' ? spec[field].name : undefined
}

const hasKey = <K extends string>(value: unknown, key: K): value is Record<K, unknown> =>
  typeof value === 'object' && value !== null && key in value
