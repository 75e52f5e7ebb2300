import { z } from 'zod'
import { podTemplateSchema } from '../kubernetes/pod-template.ts'
import { resourcesSchema } from '../kubernetes/resources.ts'
import { choice, duration, notImplemented } from '../schema/fields.ts'
import { documented, type Rule } from '../schema/rule.ts'
import { storageSchema } from './storage.ts'

/** Used where durability is Interval and syncInterval is left out. */
export const DEFAULT_SYNC_INTERVAL = '1s'

const replicasRules: Rule<number>[] = [
  {
    cel: 'self in [1, 3, 5]',
    message: 'replicas must be 1, 3 or 5: with an even number no majority survives a split',
    holds: (self) => [1, 3, 5].includes(self),
  },
  notImplemented({
    cel: '!(self in [3, 5])',
    what: 'replicas 3 or 5',
    instead: 'use 1',
    holds: (self) => self !== 3 && self !== 5,
  }),
]

const fields = z.strictObject({
  replicas: documented(z.int().min(1).max(5), {
    description:
      'Broker pods, each with a full copy of every message (JetStream Raft replicas): 1, 3 or 5. 3 and 5 are not implemented yet. Default: 1.',
    rules: replicasRules,
    extensions: { format: 'int32' },
  }).default(1),
  durability: choice(
    'When a publish is acknowledged. Always: once it is on disk (fsync). Interval: once the operating system has it; it is synced every syncInterval, and what is newer is lost with the power. Default: Always.',
    ['Always', 'Interval'],
  ).default('Always'),
  syncInterval: duration({
    name: 'syncInterval',
    description: `Time between two syncs to disk. Only with durability Interval. Default there: ${DEFAULT_SYNC_INTERVAL}.`,
    min: '100ms',
    max: '10m',
  }).optional(),
  storage: storageSchema.prefault({}),
  resources: resourcesSchema.prefault({}),
  podTemplate: podTemplateSchema.prefault({}),
})

export const queueBrokerSpecSchema = documented(fields, {
  description: 'What a set of broker pods is to be like.',
  rules: [
    {
      cel: "!has(self.syncInterval) || self.durability == 'Interval'",
      message: 'syncInterval is used with durability Interval only; remove it, or set durability: Interval',
      field: 'syncInterval',
      holds: (self) => self.syncInterval === undefined || self.durability === 'Interval',
    },
  ],
})
/** The spec of a QueueBroker with every default filled in. */
export type QueueBrokerSpec = z.output<typeof queueBrokerSpecSchema>
