export { API_VERSION, GROUP, VERSION } from './group.ts'
export type { Condition } from './kubernetes/condition.ts'
export {
  nameProblems,
  parseQueue,
  parseQueueBroker,
  parseQueueBrokerSpec,
  parseQueueOperation,
  parseQueueSpec,
  queueBrokerUpdateProblems,
  queueOperationUpdateProblems,
  queueUpdateProblems,
} from './parse.ts'
export { deadLettersElsewhere } from './queue/dead-letters-elsewhere.ts'
export { exclusiveOf } from './queue/exclusive.ts'
export { hierarchyOf, MAX_DEPTH } from './queue/hierarchy.ts'
export { keyedFifoOf, priorityOf } from './queue/ordering.ts'
export type { Queue } from './queue/queue.ts'
export type { QueueSpec } from './queue/spec.ts'
export type { QueueStatus } from './queue/status.ts'
export type { QueueBroker } from './queue-broker/queue-broker.ts'
export { DEFAULT_SYNC_INTERVAL, type QueueBrokerSpec, queueBrokerSpecSchema } from './queue-broker/spec.ts'
export type { QueueBrokerStatus } from './queue-broker/status.ts'
export type { QueueOperationSpec } from './queue-operation/spec.ts'
export type { QueueOperationStatus } from './queue-operation/status.ts'
export { USABLE_STORAGE_PERCENT } from './queue-broker/storage.ts'
export type { Parsed, Problem } from './schema/problem.ts'
export { formatDuration, isDuration, parseDuration } from './values/duration.ts'
export { parseQuantity } from './values/quantity.ts'
