import { type Fact, isFalse, isTrue } from '../condition.ts'
import type { QueueFacts } from './facts.ts'

/** The summary: can be produced to and consumed from, as declared. */
export function queueSummary({ stop, going }: QueueFacts, brokerReady: Fact, configured: Fact): Fact {
  // What stopped in the middle has its own condition; what stopped before any of them is told here.
  if (stop?.step === 'read-spec' && !going) return isFalse(stop.halt.reason, stop.halt.message)
  for (const { status, reason, message } of [brokerReady, configured]) {
    if (status !== 'True') return isFalse(reason, message)
  }
  return isTrue('Ready', 'the queue is ready')
}
