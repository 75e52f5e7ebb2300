import { z } from 'zod'
import { queueBrokerSpecSchema } from '../queue-broker/spec.ts'
import { choice } from '../schema/fields.ts'
import { documented } from '../schema/rule.ts'
import { isName, NAME_MAX_LENGTH, NAME_PATTERN } from '../values/name.ts'
import { consumerGroupsSchema, DEFAULT_GROUP } from './consumer-groups.ts'
import { deadLetterSchema } from './dead-letter.ts'
import { deduplicationSchema } from './deduplication.ts'
import { exclusiveSchema } from './exclusive.ts'
import { hierarchySchema } from './hierarchy.ts'
import { orderingSchema } from './ordering.ts'
import { retentionSchema } from './retention.ts'
import { retrySchema } from './retry.ts'
import { specRules } from './spec-rules.ts'
import { specTransitions } from './spec-transitions.ts'

export const queueSpecFields = z.strictObject({
  type: choice(
    'Shared: consumers of a group compete for messages. Exclusive: one consumer of a group is active, the rest stand by. Hierarchical: a tree of sub-queues, served fairly. Cannot be changed. Default: Shared.',
    ['Shared', 'Exclusive', 'Hierarchical'],
  ).default('Shared'),
  brokerRef: documented(
    z.strictObject({
      name: documented(z.string().max(253, { abort: true }), {
        description: 'Name of a QueueBroker of the same namespace.',
        rules: [
          {
            cel: `size(self) <= ${NAME_MAX_LENGTH} && self.matches('${NAME_PATTERN}')`,
            message: `brokerRef.name must be the name of a QueueBroker: a DNS label of at most ${NAME_MAX_LENGTH} characters that begins with a letter`,
            holds: isName,
          },
        ],
      }),
    }),
    {
      description:
        'The QueueBroker that keeps this Queue. Not together with broker. Cannot be changed. Default: one is made for this Queue alone, with its name, and owned by it.',
    },
  ).optional(),
  broker: queueBrokerSpecSchema
    .meta({
      ...queueBrokerSpecSchema.meta(),
      description: 'The spec of the QueueBroker that is made for this Queue alone. Not together with brokerRef.',
    })
    .optional(),
  consumerGroups: consumerGroupsSchema.default([{ name: DEFAULT_GROUP, from: 'Oldest' }]),
  ordering: orderingSchema.prefault({}),
  exclusive: exclusiveSchema.optional(),
  hierarchy: hierarchySchema.optional(),
  retention: retentionSchema.prefault({}),
  retry: retrySchema.prefault({}),
  deadLetter: deadLetterSchema.prefault({}),
  deduplication: deduplicationSchema.prefault({}),
  paused: documented(z.boolean(), {
    description:
      'true: nothing is delivered; publishing goes on, and what is in flight may be answered. Default: false.',
  }).default(false),
  deletionPolicy: choice(
    'What deleting the Queue does. KeepNonEmpty: it is refused while messages are left (dead letters do not count). Delete: messages are deleted, and the own broker with its volume. Retain: messages and volume stay, and a Queue of the same name takes them up again. Default: KeepNonEmpty.',
    ['KeepNonEmpty', 'Delete', 'Retain'],
  ).default('KeepNonEmpty'),
})
/** The spec of a Queue with every default filled in. */
export type QueueSpec = z.output<typeof queueSpecFields>

export const queueSpecSchema = documented(queueSpecFields, {
  description: 'What the Queue is to be like.',
  rules: specRules,
  transitions: specTransitions,
})
