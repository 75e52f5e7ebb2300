import { BROKER_UNREACHABLE } from '../../reconcile/queue/configure.ts'
import { conditionOf, type Fact, factFor, isFalse, isTrue, isUnknown } from '../condition.ts'
import type { QueueFacts } from './facts.ts'

export const CONFIGURED = 'Configured'

/**
 * Whether the broker has the Queue as declared. That it cannot be asked for a moment changes nothing about that: what was found for the
 * same generation stands until it can.
 */
export function configured(facts: QueueFacts): Fact {
  const { stop, observation, previous, generation, going } = facts
  if (observation !== undefined) {
    return observation.configured
      ? isTrue('Configured', 'the broker has the queue as declared')
      : isUnknown('Configuring', 'the broker is configuring the queue')
  }
  const before = going
    ? conditionOf(previous?.conditions, CONFIGURED)
    : factFor(previous?.conditions, CONFIGURED, generation)
  const asked = stop?.step === 'configure' && stop.halt.reason !== BROKER_UNREACHABLE
  if (stop !== undefined && !going && (asked || stop.step === 'read-spec')) {
    return isFalse(stop.halt.reason, stop.halt.message)
  }
  // What was never found out is told anew each time: why it still cannot be.
  if (before !== undefined && before.status !== 'Unknown') {
    return { status: before.status, reason: before.reason, message: before.message }
  }
  return isUnknown(stop?.halt.reason ?? 'Pending', stop?.halt.message ?? 'the broker was not told yet')
}
