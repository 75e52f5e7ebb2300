import { type Fact, isFalse } from '../condition.ts'
import type { BrokerFacts } from './facts.ts'

/** How many names a message gives before it only counts. */
const SHOWN = 5

/** Only while it is being deleted: what keeps it. */
export function brokerDeletable({ name, heldBy }: BrokerFacts): Fact | undefined {
  if (heldBy === undefined) return undefined
  if (heldBy.length === 1 && heldBy[0] === name) {
    return isFalse('InUse', `Queue ${name} has its messages here; delete the Queue, and its broker goes with it`)
  }
  const more = heldBy.length > SHOWN ? ` and ${heldBy.length - SHOWN} more` : ''
  const names = heldBy.slice(0, SHOWN).join(', ')
  return isFalse('InUse', `Queues have their messages here: ${names}${more}; delete them first. Volumes are kept`)
}
