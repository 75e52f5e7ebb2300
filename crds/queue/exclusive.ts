import { z } from 'zod'
import { duration } from '../schema/fields.ts'
import { documented } from '../schema/rule.ts'

export const DEFAULT_FAILOVER = '10s'

export const exclusiveSchema = documented(
  z.strictObject({
    failover: duration({
      name: 'exclusive.failover',
      description: `After the active consumer of a group was last seen, the longest time until another takes its place. Default: ${DEFAULT_FAILOVER}.`,
      min: '2s',
      max: '5m',
    }).default(DEFAULT_FAILOVER),
  }),
  { description: 'Settings of type Exclusive; only with it.' },
)

export type Exclusive = z.output<typeof exclusiveSchema>
export const exclusiveOf = ({ exclusive }: { readonly exclusive?: Exclusive | undefined }): Exclusive =>
  exclusive ?? { failover: DEFAULT_FAILOVER }
