import type { z } from 'zod'
import { type StructuralSchema, structuralSchema } from './crd/structural-schema.ts'
import { type Queue, queueSchema } from './queue/queue.ts'
import { type QueueSpec, queueSpecSchema } from './queue/spec.ts'
import { specTransitions } from './queue/spec-transitions.ts'
import { type QueueBroker, queueBrokerSchema } from './queue-broker/queue-broker.ts'
import { type QueueBrokerSpec, queueBrokerSpecSchema } from './queue-broker/spec.ts'
import { type QueueOperation, queueOperationSchema } from './queue-operation/queue-operation.ts'
import { type QueueOperationSpec, transitions as operationTransitions } from './queue-operation/spec.ts'
import { storageTransitions } from './queue-broker/storage.ts'
import { withoutNulls } from './schema/nulls.ts'
import { fieldName, type Parsed, type Problem, problemsOf } from './schema/problem.ts'
import type { TransitionRule } from './schema/rule.ts'
import { isName, NAME_MESSAGE } from './values/name.ts'

function parser<T>(schema: z.ZodType<T>, prefix: readonly string[] = []): (input: unknown) => Parsed<T> {
  let structure: StructuralSchema | undefined
  return (input) => {
    structure ??= structuralSchema(schema)
    const result = schema.safeParse(withoutNulls(input, structure), { reportInput: true })
    return result.success
      ? { ok: true, value: result.data }
      : { ok: false, problems: problemsOf(result.error, structure, prefix) }
  }
}

/** The whole manifest of a Queue, with defaults filled in, or what is wrong with it: what the API server would refuse. */
export const parseQueue: (input: unknown) => Parsed<Queue> = parser(queueSchema)

/** The same of a QueueBroker. */
export const parseQueueBroker: (input: unknown) => Parsed<QueueBroker> = parser(queueBrokerSchema)

/** The same of a QueueOperation. */
export const parseQueueOperation: (input: unknown) => Parsed<QueueOperation> = parser(queueOperationSchema)

/** The `spec` of a Queue alone; problems name fields as `spec.…`. */
export const parseQueueSpec: (input: unknown) => Parsed<QueueSpec> = parser(queueSpecSchema, ['spec'])

/** The `spec` of a QueueBroker alone; problems name fields as `spec.…`. */
export const parseQueueBrokerSpec: (input: unknown) => Parsed<QueueBrokerSpec> = parser(queueBrokerSpecSchema, ['spec'])

/** What is wrong with the name of a Queue, where it comes without its manifest. */
export function nameProblems(name: string): Problem[] {
  return isName(name) ? [] : [{ field: 'metadata.name', message: NAME_MESSAGE }]
}

function broken<T>(rules: readonly TransitionRule<T>[], before: T, after: T, path: readonly string[]): Problem[] {
  return rules
    .filter((rule) => !rule.holds(after, before))
    .map((rule) => ({ field: fieldName([...path, ...(rule.field?.split('.') ?? [])]), message: rule.message }))
}

/** What the API server would refuse in a change of a Queue's spec from `before` to `after`, both good by themselves. */
export function queueUpdateProblems(before: QueueSpec, after: QueueSpec): Problem[] {
  const storage =
    before.broker === undefined || after.broker === undefined
      ? []
      : broken(storageTransitions, before.broker.storage, after.broker.storage, ['spec', 'broker', 'storage'])
  return [...broken(specTransitions, before, after, ['spec']), ...storage]
}

/** The same of a QueueBroker's spec. */
export function queueBrokerUpdateProblems(before: QueueBrokerSpec, after: QueueBrokerSpec): Problem[] {
  return broken(storageTransitions, before.storage, after.storage, ['spec', 'storage'])
}

/** The same of a QueueOperation's spec. */
export function queueOperationUpdateProblems(before: QueueOperationSpec, after: QueueOperationSpec): Problem[] {
  return broken(operationTransitions, before, after, ['spec'])
}
