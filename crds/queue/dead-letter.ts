import { z } from 'zod'
import { duration, size } from '../schema/fields.ts'
import { queueRef } from '../schema/queue-ref.ts'
import { documented } from '../schema/rule.ts'

export const deadLetterSchema = documented(
  z.strictObject({
    maxAge: duration({
      name: 'deadLetter.maxAge',
      description: 'Age at which a dead letter is dropped. Default: 336h.',
      min: '1s',
      max: '99999h',
    }).default('336h'),
    maxBytes: size({
      name: 'deadLetter.maxBytes',
      description: 'Bytes of dead letters that are kept at most; beyond it the oldest are dropped. Default: 1Gi.',
      min: '64Ki',
      max: '1Pi',
    }).default('1Gi'),
    queueRef: queueRef(
      'deadLetter.queueRef',
      'Another Queue, which the same QueueBroker keeps, that dead letters are moved to within seconds, with the headers that say why. Those that it does not take, and all while it is not there or is full, stay among the dead letters of this Queue. Default: they stay.',
    ).optional(),
  }),
  { description: 'Messages that were given up: after the last attempt, or when a consumer refused them (TERM).' },
)
