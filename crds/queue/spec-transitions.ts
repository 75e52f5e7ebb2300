import { DEFAULT_STORAGE_SIZE, type Storage, sizeTransition, storageClassTransition } from '../queue-broker/storage.ts'
import { anyMalformed, sizeAtMost } from '../schema/comparisons.ts'
import type { TransitionRule } from '../schema/rule.ts'
import { SIZE_PATTERN } from '../values/quantity.ts'
import { DEFAULT_LEVELS, DEFAULT_PARTITIONS, keyedFifoOf, priorityOf } from './ordering.ts'
import type { QueueSpec } from './spec.ts'

const sizeOf = (spec: string) => `(has(${spec}.broker) ? ${spec}.broker.storage.size : '${DEFAULT_STORAGE_SIZE}')`
const classOf = (spec: string) =>
  `(has(${spec}.broker) && has(${spec}.broker.storage.storageClassName) ? ${spec}.broker.storage.storageClassName : '')`
const partitionsOf = (spec: string) =>
  `(has(${spec}.ordering.keyedFifo) ? ${spec}.ordering.keyedFifo.partitions : ${DEFAULT_PARTITIONS})`
const levelsOf = (spec: string) =>
  `(has(${spec}.ordering.priority) ? ${spec}.ordering.priority.levels : ${DEFAULT_LEVELS})`
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
    cel: 'self.ordering.mode == oldSelf.ordering.mode',
    message: 'ordering.mode cannot be changed, since messages are stored as their mode needs it; make a new Queue',
    field: 'ordering.mode',
    holds: (self, oldSelf) => self.ordering.mode === oldSelf.ordering.mode,
  },
  {
    cel: `${partitionsOf('self')} == ${partitionsOf('oldSelf')}`,
    message:
      'ordering.keyedFifo.partitions cannot be changed, since messages of one key would be in two partitions; make a new Queue',
    field: 'ordering.keyedFifo.partitions',
    holds: (self, oldSelf) => keyedFifoOf(self.ordering).partitions === keyedFifoOf(oldSelf.ordering).partitions,
  },
  {
    cel: `${levelsOf('self')} >= ${levelsOf('oldSelf')}`,
    message:
      'ordering.priority.levels cannot be lowered, since messages of a level that is gone would never be delivered; make a new Queue',
    field: 'ordering.priority.levels',
    holds: (self, oldSelf) => priorityOf(self.ordering).levels >= priorityOf(oldSelf.ordering).levels,
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
