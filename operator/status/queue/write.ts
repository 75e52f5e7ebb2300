import { clientAddress } from '../../desired/names.ts'
import { isGoing } from '../../kube/object.ts'
import { queues } from '../../kube/resources.ts'
import type { Stop } from '../../reconcile/outcome.ts'
import type { QueueState } from '../../reconcile/queue/state.ts'
import { BROKER_READY } from '../queue-broker/broker-ready.ts'
import { writeStatus } from '../write.ts'
import { CONFIGURED } from './configured.ts'
import { queueStatus } from './status.ts'
import { TRANSACTIONS_DECIDED } from './transactions-decided.ts'

const ownConditions = ['Ready', BROKER_READY, CONFIGURED, 'DeadLetterEmpty', TRANSACTIONS_DECIDED, 'Deletable']

export async function writeQueueStatus(state: QueueState, stop: Stop): Promise<void> {
  const { context, stored, namespace, name, generation, brokerName, broker, observation, counts, hold } = state
  const facts = {
    name,
    generation,
    going: isGoing(stored),
    brokerName,
    broker,
    stop,
    observation,
    counts,
    hold,
    previous: stored.status,
  }
  const status = queueStatus(facts, clientAddress(namespace, brokerName), context.clock.date())
  await writeStatus(context, queues, context.caches.queues, stored, status, ownConditions)
}
