import { parseQuantity } from '../../crds/index.ts'
import { deadLetterOldest } from './dead-letter-oldest.ts'
import { messageCounts, type Observation } from './observe.ts'
import type { QueueState } from './state.ts'

/** Of maxBytes: from here on the oldest go, so that a publish seldom finds no room. Storage is set aside for maxBytes, and no more. */
const FULL_SHARE = 0.9

/**
 * Dead-letters the oldest messages past maxMessages, or past nine tenths of maxBytes, where the Queue says so. What was delivered to a consumer is left
 * to it.
 */
export async function deadLetterOverflow(q: QueueState, observation: Observation): Promise<void> {
  const { retention } = q.spec
  if (retention.onLimit !== 'DeadLetterOldest') return
  const { ready, inFlight } = messageCounts(observation)
  let messages = ready + inFlight - retention.maxMessages
  let bytes = observation.stream.state.bytes - FULL_SHARE * parseQuantity(retention.maxBytes)
  if (messages <= 0 && bytes <= 0) return
  await deadLetterOldest(q, {
    reason: 'evicted',
    first: Math.min(...q.lanes.map(({ ledger }) => ledger.delivered)) + 1,
    goes: ({ seq, data, headerBytes }, open) => {
      if (messages <= 0 && bytes <= 0) return 'end'
      if (open.some(({ ledger }) => seq <= ledger.delivered)) return false
      if (open.length > 0) messages--
      bytes -= data.length + headerBytes
      return true
    },
  })
}
