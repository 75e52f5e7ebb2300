import type { Rule } from '../schema/rule.ts'
import type { QueueSpec } from './spec.ts'

/** For the root: a Queue's dead letters are its own, or go to another one. */
export const deadLettersElsewhere = {
  cel: '!has(self.spec.deadLetter.queueRef) || self.spec.deadLetter.queueRef.name != self.metadata.name',
  message: 'deadLetter.queueRef must name another Queue; leave it out to keep dead letters beside this one',
  field: 'spec.deadLetter.queueRef',
  holds: ({ metadata, spec }) => spec.deadLetter.queueRef?.name !== metadata.name,
} as const satisfies Rule<{ metadata: { name: string }; spec: Pick<QueueSpec, 'deadLetter'> }>
