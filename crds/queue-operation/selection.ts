import { z } from 'zod'
import { choice, duration, whole } from '../schema/fields.ts'
import { documented } from '../schema/rule.ts'

const text = (description: string) => documented(z.string().min(1).max(1024), { description })

export const selectSchema = documented(
  z.strictObject({
    reason: choice('Why a message was dead-lettered. Only with dead letters.', [
      'MaxAttempts',
      'Timeout',
      'Rejected',
      'Expired',
      'Evicted',
      'Invalid',
    ]).optional(),
    olderThan: duration({
      name: 'select.olderThan',
      description: 'Age, from when the message was stored or dead-lettered.',
      min: '1ms',
      max: '99999h',
    }).optional(),
    subject: text('Subject that the message was published to; * and > as in a subscription.').optional(),
    header: documented(
      z.strictObject({
        name: text('Name of a header that the message has.'),
        value: documented(z.string().max(4096), { description: 'Its value. Default: any.' }).optional(),
      }),
      { description: 'A header that the message has.' },
    ).optional(),
    count: whole(
      'Messages at most, the oldest first. 1 to 1000000000000. Default: no limit.',
      1,
      1_000_000_000_000,
    ).optional(),
  }),
  { description: 'Which messages: those of which all that is given holds. Default: all.' },
)
