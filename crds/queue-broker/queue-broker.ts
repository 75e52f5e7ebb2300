import { z } from 'zod'
import { API_VERSION } from '../group.ts'
import { objectMetaSchema } from '../kubernetes/metadata.ts'
import { nameRule } from '../schema/name-rule.ts'
import { documented } from '../schema/rule.ts'
import { queueBrokerSpecSchema } from './spec.ts'
import { queueBrokerStatusSchema } from './status.ts'

export const queueBrokerSchema = documented(
  z.strictObject({
    apiVersion: z.literal(API_VERSION),
    kind: z.literal('QueueBroker'),
    metadata: objectMetaSchema,
    spec: queueBrokerSpecSchema.prefault({}),
    status: queueBrokerStatusSchema.optional(),
  }),
  {
    description: 'A set of broker pods with their volumes, which many Queues of its namespace may share.',
    rules: [nameRule],
  },
)
export type QueueBroker = z.output<typeof queueBrokerSchema>
