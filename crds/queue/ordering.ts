import { z } from 'zod'
import { choice, duration, whole } from '../schema/fields.ts'
import { documented } from '../schema/rule.ts'

export const DEFAULT_PARTITIONS = 16
export const DEFAULT_LEVELS = 10

const keyedFifoSchema = documented(
  z.strictObject({
    partitions: whole(
      'Lanes that keys are spread over. Each delivers one message at a time, so this bounds how many are in flight. 1 to 256. Cannot be changed. Default: 16.',
      1,
      256,
    ).default(DEFAULT_PARTITIONS),
  }),
  { description: 'Settings of mode KeyedFifo; only with it.' },
)

const prioritySchema = documented(
  z.strictObject({
    levels: whole('Number of levels. 2 to 32. Cannot be lowered. Default: 10.', 2, 32).default(DEFAULT_LEVELS),
    defaultLevel: whole(
      'Level of a message that names none; a bigger level is more urgent. 0 to levels - 1, which is 31 at most. Default: the one in the middle, 4 of 10.',
      0,
      31,
    ).optional(),
    policy: choice(
      'Strict: the most urgent message first, always. Weighted: every level gets a share, a bigger one for a more urgent level. Default: Strict.',
      ['Strict', 'Weighted'],
    ).default('Strict'),
    maxWait: duration({
      name: 'maxWait',
      description: 'A message that waited longer goes first, whatever its level. Default: no such bound.',
      min: '1s',
      max: '168h',
    }).optional(),
  }),
  {
    description: 'Settings of mode Priority; only with it.',
    rules: [
      {
        cel: '!has(self.defaultLevel) || self.defaultLevel < self.levels',
        message: 'defaultLevel must be less than levels, since levels count from 0; lower defaultLevel or raise levels',
        field: 'defaultLevel',
        holds: (self) => self.defaultLevel === undefined || self.defaultLevel < self.levels,
      },
    ],
  },
)

export const orderingSchema = documented(
  z.strictObject({
    mode: choice(
      'In which order messages are delivered. Fifo: as published. KeyedFifo: as published within each key. Priority: by level. Lru: the one first that was touched longest ago, where being published, and being delivered in vain, is being touched. Cannot be changed. Default: Fifo.',
      ['Fifo', 'KeyedFifo', 'Priority', 'Lru'],
    ).default('Fifo'),
    strict: documented(z.boolean(), {
      description:
        'Only with mode Fifo: one message in flight in the whole group, so that order is exact even when a message is retried, at the price of speed. Default: false.',
    }).default(false),
    keyedFifo: keyedFifoSchema.optional(),
    priority: prioritySchema.optional(),
  }),
  {
    description: 'The order in which messages are delivered.',
    rules: [
      {
        cel: "!self.strict || self.mode == 'Fifo'",
        message: 'ordering.strict is used with ordering.mode Fifo only; remove it, or set mode: Fifo',
        field: 'strict',
        holds: (self) => !self.strict || self.mode === 'Fifo',
      },
      {
        cel: "!has(self.keyedFifo) || self.mode == 'KeyedFifo'",
        message: 'ordering.keyedFifo is used with ordering.mode KeyedFifo only; remove it, or set mode: KeyedFifo',
        field: 'keyedFifo',
        holds: (self) => self.keyedFifo === undefined || self.mode === 'KeyedFifo',
      },
      {
        cel: "!has(self.priority) || self.mode == 'Priority'",
        message: 'ordering.priority is used with ordering.mode Priority only; remove it, or set mode: Priority',
        field: 'priority',
        holds: (self) => self.priority === undefined || self.mode === 'Priority',
      },
    ],
  },
)

type Ordering = z.output<typeof orderingSchema>

/** `ordering.keyedFifo`, its defaults filled in where it is left out. */
export const keyedFifoOf = ({ keyedFifo }: Ordering): z.output<typeof keyedFifoSchema> =>
  keyedFifo ?? keyedFifoSchema.parse({})

/** `ordering.priority`, its defaults filled in where it is left out. */
export function priorityOf({
  priority,
}: Ordering): z.output<typeof prioritySchema> & { readonly defaultLevel: number } {
  const settings = priority ?? prioritySchema.parse({})
  return { ...settings, defaultLevel: settings.defaultLevel ?? Math.floor((settings.levels - 1) / 2) }
}
