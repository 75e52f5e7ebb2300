import { conditionOf } from '../../status/condition.ts'
import { CONFIGURED } from '../../status/queue/configured.ts'
import { done, type Outcome, waiting } from '../outcome.ts'
import type { OperationState } from './state.ts'

/** Whether its Queue is one that can be operated on, and Move has a Queue to move to. */
export async function checkQueues({ context, queue, queueName, namespace, spec }: OperationState): Promise<Outcome> {
  const configured = conditionOf(queue?.status?.conditions, CONFIGURED)
  if (configured?.status !== 'True') {
    return waiting('QueueNotReady', `waits for Queue ${queueName}: ${configured?.message ?? 'it is being made'}`)
  }
  if (spec?.to === undefined) return done
  const { name } = spec.to
  const to = context.caches.queues.get({ namespace, name })
  if (to === undefined)
    return waiting('QueueNotFound', `there is no Queue ${name} in namespace ${namespace} to move to; make it`)
  const { status, message } = conditionOf(to.status?.conditions, CONFIGURED) ?? {}
  if (status !== 'True') {
    return waiting('QueueNotReady', `waits for Queue ${name}: ${message ?? 'it is being made'}`)
  }
  return done
}
