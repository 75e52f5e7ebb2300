import { z } from 'zod'
import { sizeAtMostRule } from '../schema/comparisons.ts'
import { choice, duration, size, whole } from '../schema/fields.ts'
import { documented } from '../schema/rule.ts'

export const retentionSchema = documented(
  z.strictObject({
    until: choice(
      'How long a message is kept. Acknowledged: until every consumer group acknowledged it. Expired: until it expires or a limit is reached, as a log that can be read again. Default: Acknowledged.',
      ['Acknowledged', 'Expired'],
    ).default('Acknowledged'),
    maxAge: duration({
      name: 'retention.maxAge',
      description: 'Age at which a message expires, counted from when it was published. Default: 168h.',
      min: '1s',
      max: '99999h',
    }).default('168h'),
    maxMessages: whole(
      'Messages that the Queue holds at most. 1 to 1000000000000. Default: 1000000.',
      1,
      1_000_000_000_000,
    ).default(1_000_000),
    maxBytes: size({
      name: 'retention.maxBytes',
      description: 'Bytes that the Queue holds at most. Default: 1Gi.',
      min: '64Ki',
      max: '1Pi',
    }).default('1Gi'),
    maxMessageSize: size({
      name: 'retention.maxMessageSize',
      description: 'Size of a message at most, its headers counted; a larger one is refused. Default: 1Mi.',
      min: '1Ki',
      max: '8Mi',
    }).default('1Mi'),
    onLimit: choice(
      'What happens to a publish when maxMessages or maxBytes is reached. Reject: it is refused. DropOldest: the oldest messages make room and are lost. DeadLetterOldest: it is taken, and the oldest messages that were not delivered yet are dead-lettered with reason evicted, within a second (from 90 percent of maxBytes on); what comes faster than that is done is refused; only with until: Acknowledged. Default: Reject.',
      ['Reject', 'DropOldest', 'DeadLetterOldest'],
    ).default('Reject'),
    onExpiry: choice(
      'What happens to a message at maxAge. Drop: it is lost. DeadLetter: it is dead-lettered with reason expired, within a few seconds; only with until: Acknowledged. Default: Drop.',
      ['Drop', 'DeadLetter'],
    ).default('Drop'),
  }),
  {
    description: 'What the Queue holds, and for how long.',
    rules: [
      sizeAtMostRule({
        cel: { self: 'self.maxMessageSize', atMost: 'self.maxBytes' },
        of: ({ maxMessageSize, maxBytes }) => ({ self: maxMessageSize, atMost: maxBytes }),
        message:
          'retention.maxMessageSize must not be more than retention.maxBytes, or no message of that size ever fits; lower it or raise maxBytes',
        field: 'maxMessageSize',
      }),
      {
        cel: "self.onLimit != 'DeadLetterOldest' || self.until == 'Acknowledged'",
        message:
          'retention.onLimit DeadLetterOldest is used with until: Acknowledged only, since what a log holds is meant to make room; use DropOldest',
        field: 'onLimit',
        holds: (self) => self.onLimit !== 'DeadLetterOldest' || self.until === 'Acknowledged',
      },
      {
        cel: "self.onExpiry == 'Drop' || self.until == 'Acknowledged'",
        message:
          'retention.onExpiry DeadLetter is used with until: Acknowledged only, since what a log holds is meant to expire; use Drop',
        field: 'onExpiry',
        holds: (self) => self.onExpiry === 'Drop' || self.until === 'Acknowledged',
      },
    ],
  },
)
