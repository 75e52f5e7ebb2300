import { z } from 'zod'

export const manifestSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
})
/** An object of any kind, as far as the tests look into it. */
export type Manifest = z.output<typeof manifestSchema>
