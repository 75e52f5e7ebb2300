import { BY_BROKER } from '../../caches.ts'
import { clientAddress } from '../../desired/names.ts'
import { queueBrokers } from '../../kube/resources.ts'
import type { BrokerState } from '../../reconcile/queue-broker/state.ts'
import { writeStatus } from '../write.ts'
import { BROKER_READY } from './broker-ready.ts'
import type { BrokerFacts } from './facts.ts'
import { brokerStatus } from './status.ts'

const ownConditions = ['Ready', BROKER_READY, 'StorageReady', 'Deletable']

export async function writeBrokerStatus(state: BrokerState, facts: BrokerFacts): Promise<void> {
  const { context, stored, namespace, name, generation } = state
  const queues = context.caches.queues.by(BY_BROKER, `${namespace}/${name}`).length
  const status = brokerStatus(facts, generation, clientAddress(namespace, name), queues, context.clock.date())
  await writeStatus(context, queueBrokers, context.caches.queueBrokers, stored, status, ownConditions)
}
