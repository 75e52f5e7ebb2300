import { conditionOf } from '../../status/condition.ts'
import { BROKER_READY } from '../../status/queue-broker/broker-ready.ts'
import { done, type Outcome, waiting } from '../outcome.ts'
import type { QueueState } from './state.ts'

export async function awaitBroker({ broker, brokerName }: QueueState): Promise<Outcome> {
  const ready = conditionOf(broker?.status?.conditions, BROKER_READY)
  if (ready?.status === 'True') return done
  return waiting('BrokerNotReady', `waits for QueueBroker ${brokerName}: ${ready?.message ?? 'it is being made'}`)
}
