import { z } from 'zod'
import { durationAtMost } from '../schema/comparisons.ts'
import { duration, whole } from '../schema/fields.ts'
import { documented } from '../schema/rule.ts'

const backoffSchema = documented(
  z.strictObject({
    initial: duration({
      name: 'retry.backoff.initial',
      description: 'Wait before the second delivery. 0s: none. Default: 1s.',
      min: '0s',
      max: '24h',
    }).default('1s'),
    factor: documented(z.number().min(1).max(10), {
      description: 'The wait grows by this factor with each further delivery. 1 to 10. Default: 2.',
    }).default(2),
    max: duration({
      name: 'retry.backoff.max',
      description: 'The wait never grows beyond this. Default: 5m.',
      min: '0s',
      max: '24h',
    }).default('5m'),
    jitterPercent: whole(
      'The wait is changed at random by up to so many percent either way, so that what failed together is not tried again together. 0 to 100. Default: 20.',
      0,
      100,
    ).default(20),
  }),
  {
    description: 'The wait before a message that a consumer gave back (NAK) is delivered again.',
    rules: [
      durationAtMost({
        cel: { self: 'self.initial', atMost: 'self.max' },
        of: ({ initial, max }) => ({ self: initial, atMost: max }),
        message: 'retry.backoff.max must not be less than retry.backoff.initial; raise max or lower initial',
        field: 'max',
      }),
    ],
  },
)

export const retrySchema = documented(
  z.strictObject({
    visibilityTimeout: duration({
      name: 'retry.visibilityTimeout',
      description:
        'Time that a consumer has to answer for a message (or to ask for more); after it the message is delivered again. Default: 30s.',
      min: '1s',
      max: '24h',
    }).default('30s'),
    maxAttempts: whole(
      'Deliveries of a message before it is dead-lettered. 0 to 1000; 0: no limit. Default: 5.',
      0,
      1000,
    ).default(5),
    backoff: backoffSchema.prefault({}),
  }),
  { description: 'What happens to a message that was delivered and not acknowledged.' },
)
