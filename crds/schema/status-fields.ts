import { z } from 'zod'
import { documented } from './rule.ts'

/** Which of the user's changes a status knows of. */
export const observedGeneration = documented(z.int().min(0), {
  description: 'The metadata.generation that this status was found for.',
  extensions: { format: 'int64' },
}).optional()

/** A number of things that were counted. */
export const count = (description: string) =>
  documented(z.int().min(0), { description, extensions: { format: 'int64' } }).default(0)
