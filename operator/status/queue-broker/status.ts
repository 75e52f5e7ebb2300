import type { QueueBrokerStatus } from '../../../crds/index.ts'
import { conditionsOf } from '../condition.ts'
import { BROKER_READY, brokerReady } from './broker-ready.ts'
import { brokerDeletable } from './deletable.ts'
import { type BrokerFacts, readyPods } from './facts.ts'
import { brokerSummary } from './ready.ts'
import { storageReady } from './storage-ready.ts'

/** The whole status of a QueueBroker. */
export function brokerStatus(
  facts: BrokerFacts,
  generation: number,
  address: string,
  queues: number,
  now: Date,
): QueueBrokerStatus {
  const broker = brokerReady(facts)
  const storage = storageReady(facts)
  const conditions = {
    Ready: brokerSummary(facts, broker, storage),
    [BROKER_READY]: broker,
    StorageReady: storage,
    Deletable: brokerDeletable(facts),
  }
  const capacity = facts.claim?.status?.capacity?.['storage']
  // Told once everything stands that the address leads to; it never changes.
  const known = facts.stop === undefined ? address : facts.previous?.address
  return {
    observedGeneration: generation,
    conditions: conditionsOf(conditions, facts.previous?.conditions, generation, now),
    replicas: readyPods(facts),
    queues,
    ...(known === undefined ? {} : { address: known }),
    ...(capacity === undefined ? {} : { storage: { capacity } }),
  }
}
