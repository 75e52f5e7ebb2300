import { parseDuration } from '../../crds/index.ts'
import { deadLetterOldest } from './dead-letter-oldest.ts'
import type { Observation } from './observe.ts'
import type { QueueState } from './state.ts'

/**
 * Dead-letters what is older than maxAge, where the Queue says so.
 *
 * @param now milliseconds since 1970
 */
export async function deadLetterExpired(q: QueueState, { stream }: Observation, now: number): Promise<void> {
  const { retention } = q.spec
  if (retention.onExpiry !== 'DeadLetter') return
  const before = now - parseDuration(retention.maxAge)
  await deadLetterOldest(q, {
    reason: 'expired',
    first: stream.state.first_seq,
    goes: ({ time }) => (time.getTime() > before ? 'end' : true),
  })
}
