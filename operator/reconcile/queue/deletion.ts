import type { QueueSpec } from '../../../crds/index.ts'
import { parseQueueSpec } from '../../../crds/index.ts'
import { brokerRefOf } from '../../broker-of.ts'
import { BY_BROKER } from '../../caches.ts'
import { isControlledBy } from '../../kube/object.ts'
import type { StoredQueueBroker } from '../../kube/resources.ts'
import type { QueueState } from './state.ts'

/**
 * What becomes of a Queue's messages, its own broker and its volume. Volumes outlive Queues unless the policy says otherwise, so
 * `Delete` is the only one that removes a volume:
 *
 * | policy       | the broker is asked           | own broker | its volume |
 * | ------------ | ----------------------------- | ---------- | ---------- |
 * | KeepNonEmpty | always; messages left: waits  | goes       | stays      |
 * | Delete       | if others use the broker too  | goes       | goes, unless others use it |
 * | Retain       | if others use the broker too  | goes       | stays      |
 *
 * Dead letters do not hold up KeepNonEmpty; they stay in the volume, or in the shared broker.
 */
export type DeletionPolicy = QueueSpec['deletionPolicy']

/** A spec that cannot be read gets the most careful one. */
export function deletionPolicyOf({ stored }: QueueState): DeletionPolicy {
  const parsed = parseQueueSpec(stored.spec ?? {})
  return parsed.ok ? parsed.value.deletionPolicy : 'KeepNonEmpty'
}

/** The broker that was made for this Queue; undefined: it uses a shared one, or its own is gone. */
export function ownBrokerOf({ context, stored, namespace, brokerName }: QueueState): StoredQueueBroker | undefined {
  if (brokerRefOf(stored) !== undefined) return undefined
  const broker = context.caches.queueBrokers.get({ namespace, name: brokerName })
  return broker !== undefined && isControlledBy(broker, stored) ? broker : undefined
}

/** Whether other Queues have their messages in the same broker. */
export const isBrokerShared = ({ context, stored, namespace, brokerName }: QueueState): boolean =>
  context.caches.queues
    .by(BY_BROKER, `${namespace}/${brokerName}`)
    .some((other) => other.metadata.uid !== stored.metadata.uid)
