import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { choice, whole } from '../schema/fields.ts'
import { queueRef } from '../schema/queue-ref.ts'
import { documented, type Rule, type TransitionRule } from '../schema/rule.ts'
import { selectSchema } from './selection.ts'

const fields = z.strictObject({
  queueRef: queueRef('queueRef', 'The Queue whose messages are operated on.'),
  kind: choice(
    'Redrive: dead letters go back to the Queue, with their headers; their attempts begin anew. Purge: messages or dead letters are deleted. Move: they go to another Queue of the namespace, of the same broker or another one.',
    ['Redrive', 'Purge', 'Move'],
  ),
  from: choice(
    'Messages: those that wait and were not delivered yet; for Move the Queue has to be paused. DeadLetters: the dead letters. Needed for Purge and Move.',
    ['Messages', 'DeadLetters'],
  ).optional(),
  to: queueRef('to', 'Where Move moves to: another Queue of the namespace.').optional(),
  select: selectSchema.prefault({}),
  ratePerSecond: whole('Messages a second at most. 1 to 1000000. Default: no limit.', 1, 1_000_000).optional(),
  dryRun: documented(z.boolean(), { description: 'true: only count what would be done. Default: false.' }).default(
    false,
  ),
  ttlSecondsAfterFinished: whole(
    'Seconds from its end until the object is deleted by itself. 0 to 31536000. Default: it stays.',
    0,
    31_536_000,
  ).optional(),
})
/** The spec of a QueueOperation with every default filled in. */
export type QueueOperationSpec = z.output<typeof fields>

const rules: readonly Rule<QueueOperationSpec>[] = [
  {
    cel: "self.kind == 'Redrive' || has(self.from)",
    message: 'from is needed: Messages or DeadLetters',
    field: 'from',
    holds: ({ kind, from }) => kind === 'Redrive' || from !== undefined,
  },
  {
    cel: "self.kind != 'Redrive' || !has(self.from) || self.from == 'DeadLetters'",
    message: 'from must be DeadLetters for Redrive; leave it out',
    field: 'from',
    holds: ({ kind, from }) => kind !== 'Redrive' || from !== 'Messages',
  },
  {
    cel: "(self.kind == 'Move') == has(self.to)",
    message: 'to names the Queue that Move moves to; it is needed for Move, and has to be left out otherwise',
    field: 'to',
    holds: ({ kind, to }) => (kind === 'Move') === (to !== undefined),
  },
  {
    cel: '!has(self.to) || self.to.name != self.queueRef.name',
    message: 'to must be another Queue than queueRef; dead letters go back to their own by kind Redrive',
    field: 'to',
    holds: ({ to, queueRef }) => to?.name !== queueRef.name,
  },
  {
    cel: "!has(self.from) || self.from == 'DeadLetters' || !has(self.select.reason)",
    message: 'select.reason says why a message was dead-lettered; leave it out, or set from: DeadLetters',
    field: 'select.reason',
    holds: ({ from, select }) => from !== 'Messages' || select.reason === undefined,
  },
]

export const transitions: readonly TransitionRule<QueueOperationSpec>[] = [
  {
    cel: 'self == oldSelf',
    message: 'an operation cannot be changed; delete it, which ends it, and make another one',
    holds: (self, oldSelf) => isDeepStrictEqual(self, oldSelf),
  },
]

export const queueOperationSpecSchema = documented(fields, {
  description: 'What is to be done, once. Cannot be changed.',
  rules,
  transitions,
})
