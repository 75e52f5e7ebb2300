import type { QueueOperationStatus } from '../../../crds/index.ts'
import { isFinished, type Operation } from '../../../crds/protocol/operation.ts'
import type { Stop } from '../../reconcile/outcome.ts'
import { conditionsOf, type Fact, isFalse, isTrue } from '../condition.ts'

export type OperationFacts = {
  readonly generation: number
  readonly stop: Stop
  readonly operation: Operation | undefined
  readonly previous: QueueOperationStatus | undefined
}

/** The whole status of a QueueOperation. What no later try would mend ends it. Pure. */
export function operationStatus(
  { generation, stop, operation, previous }: OperationFacts,
  now: Date,
): QueueOperationStatus {
  const summary = summaryOf(stop, operation)
  const ended = (operation !== undefined && isFinished(operation)) || stop?.halt.kind === 'stalled'
  const conditions = {
    Ready: summary,
    Complete: ended && summary.status === 'True' ? summary : isFalse(summary.reason, summary.message),
    Failed:
      ended && summary.status === 'False'
        ? isTrue(summary.reason, summary.message)
        : isFalse(summary.reason, summary.message),
  }
  const { startedAt = previous?.startedAt, finishedAt = ended ? now.toISOString() : undefined } = operation ?? {}
  const messages =
    operation === undefined
      ? previous?.messages
      : { total: operation.total, looked: operation.looked, done: operation.done, skipped: operation.skipped }
  return {
    observedGeneration: generation,
    conditions: conditionsOf(conditions, previous?.conditions, generation, now),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    ...(messages === undefined ? {} : { messages }),
  }
}

function summaryOf(stop: Stop, operation: Operation | undefined): Fact {
  if (operation === undefined) return isFalse(stop?.halt.reason ?? 'Pending', stop?.halt.message ?? '')
  const { state, done, skipped, dryRun, message } = operation
  if (!isFinished(operation)) return isFalse(state, message || 'the broker is at it')
  const count = `${done} ${done === 1 ? 'message' : 'messages'} ${dryRun ? 'would be done' : 'done'}`
  const text = message === '' ? count : `${count}; ${message}`
  if (state !== 'Succeeded') return isFalse(state, text)
  return isTrue(dryRun ? 'Counted' : skipped === 0 ? 'Succeeded' : 'SomeLeft', text)
}
