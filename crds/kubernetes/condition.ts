import { z } from 'zod'
import { documented } from '../schema/rule.ts'

/** metav1.Condition. */
export const conditionSchema = documented(
  z.strictObject({
    type: documented(z.string().min(1).max(316), { description: 'What the condition is about, such as Ready.' }),
    status: documented(z.enum(['True', 'False', 'Unknown']), {
      description: 'True, False, or Unknown when it cannot be told.',
    }),
    observedGeneration: documented(z.int().min(0), {
      description: 'The metadata.generation that the condition was found for.',
      extensions: { format: 'int64' },
    }).optional(),
    lastTransitionTime: documented(z.string().max(64), {
      description: 'When status last changed.',
      extensions: { format: 'date-time' },
    }),
    reason: documented(z.string().min(1).max(1024), { description: 'Why, as one CamelCase word for programs.' }),
    message: documented(z.string().max(32_768), { description: 'Why, and what to do, for people.' }),
  }),
  { description: 'One fact about the object.' },
)
export type Condition = z.output<typeof conditionSchema>

export const conditionsSchema = documented(z.array(conditionSchema).max(32), {
  description: 'Facts about the object, one a type. Ready sums the others up.',
  extensions: { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] },
})
