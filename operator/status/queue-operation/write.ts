import { queueOperations } from '../../kube/resources.ts'
import type { Stop } from '../../reconcile/outcome.ts'
import type { OperationState } from '../../reconcile/queue-operation/state.ts'
import { writeStatus } from '../write.ts'
import { conditionOf } from '../condition.ts'
import { operationStatus } from './status.ts'

const ownConditions = ['Ready', 'Complete', 'Failed']

export async function writeOperationStatus(state: OperationState, stop: Stop): Promise<void> {
  const { context, stored, generation, operation, happenings } = state
  const status = operationStatus({ generation, stop, operation, previous: stored.status }, context.clock.date())
  await writeStatus(context, queueOperations, context.caches.queueOperations, stored, status, ownConditions)
  if (status.finishedAt === undefined) return
  const { reason = 'Ended', message = '', status: is } = conditionOf(status.conditions, 'Ready') ?? {}
  happenings.note({ type: is === 'True' ? 'Normal' : 'Warning', reason, action: 'Operate', note: message })
}
