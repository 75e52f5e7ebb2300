import { z } from 'zod'
import { conditionsSchema } from '../kubernetes/condition.ts'
import { documented } from '../schema/rule.ts'
import { observedGeneration } from '../schema/status-fields.ts'

export const queueBrokerStatusSchema = documented(
  z.strictObject({
    observedGeneration,
    conditions: conditionsSchema.optional(),
    address: documented(z.string(), {
      description: 'Where clients connect, such as nats://shop.shop.svc:4222.',
    }).optional(),
    replicas: documented(z.int().min(0), {
      description: 'Broker pods that are ready.',
      extensions: { format: 'int32' },
    }).optional(),
    queues: documented(z.int().min(0), {
      description: 'Queues that are kept here.',
      extensions: { format: 'int32' },
    }).optional(),
    storage: documented(
      z.strictObject({
        capacity: documented(z.string(), {
          description: 'Size of the volume as it is, a quantity of bytes.',
        }).optional(),
      }),
      { description: 'The volume as it was found.' },
    ).optional(),
  }),
  { description: 'What was observed; written by the operator.' },
)
export type QueueBrokerStatus = z.output<typeof queueBrokerStatusSchema>
