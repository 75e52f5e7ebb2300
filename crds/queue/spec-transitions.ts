import { DEFAULT_STORAGE_SIZE, type Storage, sizeTransition, storageClassTransition } from '../queue-broker/storage.ts'
import { anyMalformed, sizeAtMost } from '../schema/comparisons.ts'
import type { TransitionRule } from '../schema/rule.ts'
import { SIZE_PATTERN } from '../values/quantity.ts'
import type { QueueSpec } from './spec.ts'

const sizeOf = (spec: string) => `(has(${spec}.broker) ? ${spec}.broker.storage.size : '${DEFAULT_STORAGE_SIZE}')`
const classOf = (spec: string) =>
  `(has(${spec}.broker) && has(${spec}.broker.storage.storageClassName) ? ${spec}.broker.storage.storageClassName : '')`
// Where `broker` was there before and after, the rules of `storage` itself apply.
const brokerCameOrWent = '!has(self.brokerRef) && has(self.broker) != has(oldSelf.broker)'

const storageOf = (spec: QueueSpec): Storage => spec.broker?.storage ?? { size: DEFAULT_STORAGE_SIZE }

function ownBrokerHolds(rule: TransitionRule<Storage>) {
  return (self: QueueSpec, oldSelf: QueueSpec) =>
    self.brokerRef !== undefined ||
    (self.broker === undefined) === (oldSelf.broker === undefined) ||
    rule.holds(storageOf(self), storageOf(oldSelf))
}

/** What may not be changed in a Queue that exists. */
export const specTransitions: readonly TransitionRule<QueueSpec>[] = [
  {
    cel: 'self.type == oldSelf.type',
    message: 'type cannot be changed; make a new Queue',
    field: 'type',
    holds: (self, oldSelf) => self.type === oldSelf.type,
  },
  {
    cel: 'has(self.brokerRef) == has(oldSelf.brokerRef) && (!has(self.brokerRef) || self.brokerRef.name == oldSelf.brokerRef.name)',
    message: 'brokerRef cannot be changed, set or removed, since messages stay where they are; make a new Queue',
    field: 'brokerRef',
    holds: (self, oldSelf) => self.brokerRef?.name === oldSelf.brokerRef?.name,
  },
  {
    cel: `!(${brokerCameOrWent}) || ${anyMalformed(SIZE_PATTERN, sizeOf('self'))} || ${sizeAtMost(sizeOf('oldSelf'), sizeOf('self'))}`,
    message: `${sizeTransition.message} (${DEFAULT_STORAGE_SIZE} where broker is left out)`,
    field: 'broker.storage.size',
    holds: ownBrokerHolds(sizeTransition),
  },
  {
    cel: `!(${brokerCameOrWent}) || ${classOf('self')} == ${classOf('oldSelf')}`,
    message: storageClassTransition.message,
    field: 'broker.storage.storageClassName',
    holds: ownBrokerHolds(storageClassTransition),
  },
]
