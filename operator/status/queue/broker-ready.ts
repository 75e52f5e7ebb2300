import { conditionOf, type Fact, isFalse, isUnknown } from '../condition.ts'
import { BROKER_READY } from '../queue-broker/broker-ready.ts'
import type { QueueFacts } from './facts.ts'

/** The broker's own word, or that there is none. */
export function queueBrokerReady({ stop, broker, brokerName }: QueueFacts): Fact {
  if (stop?.step === 'find-broker') return isFalse(stop.halt.reason, stop.halt.message)
  const condition = conditionOf(broker?.status?.conditions, BROKER_READY)
  if (condition === undefined) return isUnknown('BrokerPending', `QueueBroker ${brokerName} is being made`)
  return { status: condition.status, reason: condition.reason, message: condition.message }
}
