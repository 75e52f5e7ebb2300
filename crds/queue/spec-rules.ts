import { DEFAULT_STORAGE_SIZE, USABLE_STORAGE_PERCENT } from '../queue-broker/storage.ts'
import { durationAtMost, isSumAtMostShare, sizeAtMostRule, sumAtMostShare } from '../schema/comparisons.ts'
import type { Rule } from '../schema/rule.ts'
import type { QueueSpec } from './spec.ts'

const ownSize = `(has(self.broker) ? self.broker.storage.size : '${DEFAULT_STORAGE_SIZE}')`

/** Rules that span sections of a Queue's spec. */
export const specRules: readonly Rule<QueueSpec>[] = [
  {
    cel: '!(has(self.brokerRef) && has(self.broker))',
    message:
      'brokerRef and broker exclude each other; keep brokerRef to share a QueueBroker, or broker to have one made for this Queue alone',
    field: 'broker',
    holds: (self) => self.brokerRef === undefined || self.broker === undefined,
  },
  {
    cel: "self.type == 'Hierarchical' || self.consumerGroups.all(group, !has(group.path))",
    message: 'path of a consumer group is used with type Hierarchical only; remove it',
    field: 'consumerGroups',
    holds: (self) => self.type === 'Hierarchical' || self.consumerGroups.every((group) => group.path === undefined),
  },
  {
    cel: "self.type == 'Hierarchical' || !has(self.hierarchy)",
    message: 'hierarchy is used with type Hierarchical only; remove it, or set type: Hierarchical',
    field: 'hierarchy',
    holds: (self) => self.type === 'Hierarchical' || self.hierarchy === undefined,
  },
  {
    cel: "self.type == 'Exclusive' || !has(self.exclusive)",
    message: 'exclusive is used with type Exclusive only; remove it, or set type: Exclusive',
    field: 'exclusive',
    holds: (self) => self.type === 'Exclusive' || self.exclusive === undefined,
  },
  {
    cel: "!has(self.hierarchy) || !has(self.hierarchy.maxMessagesPerSubQueue) || self.retention.onLimit != 'DeadLetterOldest'",
    message:
      'hierarchy.maxMessagesPerSubQueue is not for retention.onLimit DeadLetterOldest, which looks at the whole Queue; remove it, or use Reject or DropOldest',
    field: 'hierarchy.maxMessagesPerSubQueue',
    holds: ({ hierarchy, retention }) =>
      hierarchy?.maxMessagesPerSubQueue === undefined || retention.onLimit !== 'DeadLetterOldest',
  },
  {
    cel: "self.type != 'Hierarchical' || self.ordering.mode == 'Fifo'",
    message:
      'type Hierarchical is for ordering.mode Fifo, the order within each sub-queue; remove mode, or use another type',
    field: 'ordering.mode',
    holds: (self) => self.type !== 'Hierarchical' || self.ordering.mode === 'Fifo',
  },
  {
    cel: "self.ordering.mode != 'Lru' || size(self.consumerGroups) == 1",
    message:
      'ordering.mode Lru is for one consumer group, since what one group moves to the tail moves for all; remove the others, or use another mode',
    field: 'consumerGroups',
    holds: (self) => self.ordering.mode !== 'Lru' || self.consumerGroups.length === 1,
  },
  durationAtMost({
    cel: { self: 'self.deduplication.window', atMost: 'self.retention.maxAge' },
    of: ({ deduplication, retention }) => ({ self: deduplication.window, atMost: retention.maxAge }),
    message: 'deduplication.window must not be more than retention.maxAge; lower it or raise maxAge',
    field: 'deduplication.window',
  }),
  sizeAtMostRule({
    cel: { self: 'self.retention.maxMessageSize', atMost: 'self.deadLetter.maxBytes' },
    of: ({ retention, deadLetter }) => ({ self: retention.maxMessageSize, atMost: deadLetter.maxBytes }),
    message:
      'deadLetter.maxBytes must not be less than retention.maxMessageSize, or a message of that size can never be dead-lettered; raise it or lower maxMessageSize',
    field: 'deadLetter.maxBytes',
  }),
  {
    cel: `has(self.brokerRef) || ${sumAtMostShare(['self.retention.maxBytes', 'self.deadLetter.maxBytes'], USABLE_STORAGE_PERCENT, ownSize)}`,
    message: `retention.maxBytes and deadLetter.maxBytes together must not be more than ${USABLE_STORAGE_PERCENT} percent of broker.storage.size (${DEFAULT_STORAGE_SIZE} where it is left out), which JetStream sets aside for them; lower them or raise it`,
    field: 'retention.maxBytes',
    holds: ({ brokerRef, broker, retention, deadLetter }) =>
      brokerRef !== undefined ||
      isSumAtMostShare(
        [retention.maxBytes, deadLetter.maxBytes],
        USABLE_STORAGE_PERCENT,
        broker?.storage.size ?? DEFAULT_STORAGE_SIZE,
      ),
  },
]
