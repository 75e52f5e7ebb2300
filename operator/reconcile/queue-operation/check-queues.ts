import { brokerOf } from '../../broker-of.ts'
import { conditionOf } from '../../status/condition.ts'
import { CONFIGURED } from '../../status/queue/configured.ts'
import { done, type Outcome, stalled, waiting } from '../outcome.ts'
import type { OperationState } from './state.ts'

/** Whether its Queue is one that can be operated on, and Move has a Queue to move to. */
export async function checkQueues({
  context,
  queue,
  queueName,
  namespace,
  brokerName,
  spec,
}: OperationState): Promise<Outcome> {
  const configured = conditionOf(queue?.status?.conditions, CONFIGURED)
  if (configured?.status !== 'True') {
    return waiting('QueueNotReady', `waits for Queue ${queueName}: ${configured?.message ?? 'it is being made'}`)
  }
  if (spec?.to === undefined) return done
  const { name } = spec.to
  const to = context.caches.queues.get({ namespace, name })
  if (to === undefined)
    return waiting('QueueNotFound', `there is no Queue ${name} in namespace ${namespace} to move to; make it`)
  if (brokerOf(to) === brokerName) return done
  return stalled(
    'OtherBroker',
    `Queue ${name} is kept by QueueBroker ${brokerOf(to)}, and Queue ${queueName} by ${brokerName}; messages are moved within one broker only: name a Queue with the same brokerRef`,
  )
}
