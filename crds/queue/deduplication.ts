import { z } from 'zod'
import { duration, notImplemented } from '../schema/fields.ts'
import { documented } from '../schema/rule.ts'

export const deduplicationSchema = documented(
  z.strictObject({
    window: duration({
      name: 'deduplication.window',
      description: 'Time for which the id of a published message is remembered, in memory. Default: 2m.',
      min: '100ms',
      max: '168h',
    }).default('2m'),
    durable: documented(z.boolean(), {
      description:
        'true: ids are remembered over a restart of the broker, those of settled messages too; not implemented yet. Default: false.',
      rules: [
        notImplemented({
          cel: '!self',
          what: 'deduplication.durable',
          instead: 'use false',
          holds: (self) => !self,
        }),
      ],
    }).default(false),
  }),
  {
    description: 'A publish whose Nats-Msg-Id header was seen within the window is acknowledged and not stored again.',
  },
)
