import { z } from 'zod'
import { conditionsSchema } from '../kubernetes/condition.ts'
import { documented } from '../schema/rule.ts'
import { count, observedGeneration } from '../schema/status-fields.ts'

export const queueStatusSchema = documented(
  z.strictObject({
    observedGeneration,
    conditions: conditionsSchema.optional(),
    broker: documented(z.string(), { description: 'Name of the QueueBroker that keeps the Queue.' }).optional(),
    address: documented(z.string(), {
      description: 'Where clients connect, such as nats://shop.shop.svc:4222.',
    }).optional(),
    subject: documented(z.string(), { description: 'Where producers publish to, such as q.orders.' }).optional(),
    messages: documented(
      z.strictObject({
        ready: count('Messages that wait to be delivered.'),
        inFlight: count('Messages that were delivered and are not answered yet.'),
        delayed: count('Messages that wait for their time.'),
        deadLettered: count('Messages among the dead letters.'),
      }),
      { description: 'Counts of messages, refreshed every 30 s at most; metrics carry the live figures.' },
    ).optional(),
  }),
  { description: 'What was observed; written by the operator.' },
)
export type QueueStatus = z.output<typeof queueStatusSchema>
