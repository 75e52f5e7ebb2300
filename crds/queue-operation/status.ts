import { z } from 'zod'
import { conditionsSchema } from '../kubernetes/condition.ts'
import { documented } from '../schema/rule.ts'
import { count, observedGeneration } from '../schema/status-fields.ts'

const time = (description: string) =>
  documented(z.string().max(64), { description, extensions: { format: 'date-time' } })

export const queueOperationStatusSchema = documented(
  z.strictObject({
    observedGeneration,
    conditions: conditionsSchema.optional(),
    startedAt: time('When the broker began with it.').optional(),
    finishedAt: time('When it ended.').optional(),
    messages: documented(
      z.strictObject({
        total: count('Messages that were there to be looked at when it began.'),
        looked: count('Messages that were looked at.'),
        done: count('Messages that were moved or deleted; of a dry run: that would be.'),
        skipped: count('Messages that were selected and left where they are.'),
      }),
      { description: 'How far it is.' },
    ).optional(),
  }),
  { description: 'What was observed; written by the operator.' },
)
export type QueueOperationStatus = z.output<typeof queueOperationStatusSchema>
