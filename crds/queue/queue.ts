import { z } from 'zod'
import { API_VERSION } from '../group.ts'
import { objectMetaSchema } from '../kubernetes/metadata.ts'
import { nameRule } from '../schema/name-rule.ts'
import { documented } from '../schema/rule.ts'
import { deadLettersElsewhere } from './dead-letters-elsewhere.ts'
import { queueSpecSchema } from './spec.ts'
import { queueStatusSchema } from './status.ts'

export const queueSchema = documented(
  z.strictObject({
    apiVersion: z.literal(API_VERSION),
    kind: z.literal('Queue'),
    metadata: objectMetaSchema,
    spec: queueSpecSchema.prefault({}),
    status: queueStatusSchema.optional(),
  }),
  {
    description:
      'A durable message queue. Producers and consumers use any NATS JetStream client; how messages are ordered, kept, retried and dead-lettered is declared here.',
    rules: [nameRule, deadLettersElsewhere],
  },
)
export type Queue = z.output<typeof queueSchema>
