import type { QueueStatus } from '../../../crds/index.ts'
import { queueSubject } from '../../../crds/protocol/subjects.ts'
import { conditionsOf } from '../condition.ts'
import { BROKER_READY } from '../queue-broker/broker-ready.ts'
import { queueBrokerReady } from './broker-ready.ts'
import { CONFIGURED, configured } from './configured.ts'
import { deadLetterEmpty } from './dead-letter-empty.ts'
import type { QueueFacts } from './facts.ts'
import { queueSummary } from './ready.ts'
import { TRANSACTIONS_DECIDED, transactionsDecided } from './transactions-decided.ts'

/** The whole status of a Queue. */
export function queueStatus(facts: QueueFacts, address: string, now: Date): QueueStatus {
  const { name, generation, brokerName, counts, hold, previous, observation } = facts
  const broker = queueBrokerReady(facts)
  const configuration = configured(facts)
  const conditions = {
    Ready: queueSummary(facts, broker, configuration),
    [BROKER_READY]: broker,
    [CONFIGURED]: configuration,
    DeadLetterEmpty: deadLetterEmpty(facts),
    [TRANSACTIONS_DECIDED]: transactionsDecided(facts),
    // Only while it is being deleted: what keeps it.
    Deletable: hold,
  }
  return {
    observedGeneration: generation,
    conditions: conditionsOf(conditions, previous?.conditions, generation, now),
    broker: brokerName,
    address,
    subject: observation?.subject ?? previous?.subject ?? queueSubject(name),
    ...(counts === undefined ? {} : { messages: counts }),
  }
}
