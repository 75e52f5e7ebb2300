import { z } from 'zod'
import { API_VERSION } from '../group.ts'
import { objectMetaSchema } from '../kubernetes/metadata.ts'
import { nameRule } from '../schema/name-rule.ts'
import { documented } from '../schema/rule.ts'
import { queueOperationSpecSchema } from './spec.ts'
import { queueOperationStatusSchema } from './status.ts'

export const queueOperationSchema = documented(
  z.strictObject({
    apiVersion: z.literal(API_VERSION),
    kind: z.literal('QueueOperation'),
    metadata: objectMetaSchema,
    spec: queueOperationSpecSchema,
    status: queueOperationStatusSchema.optional(),
  }),
  {
    description:
      'Something that is done once to many messages of a Queue: redrive, purge or move. Deleting it before its end cancels it.',
    rules: [nameRule],
  },
)
export type QueueOperation = z.output<typeof queueOperationSchema>
