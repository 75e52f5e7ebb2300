import { type Fact, isFalse, isTrue } from '../condition.ts'
import type { BrokerFacts } from './facts.ts'

/** The summary: as declared, and at work. */
export function brokerSummary({ stop }: BrokerFacts, brokerReady: Fact, storageReady: Fact): Fact {
  if (stop !== undefined) return isFalse(stop.halt.reason, stop.halt.message)
  for (const { status, reason, message } of [brokerReady, storageReady]) {
    if (status !== 'True') return isFalse(reason, message)
  }
  return isTrue('Ready', 'the broker is ready')
}
