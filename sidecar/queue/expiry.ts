import { parseDuration } from '../../crds/index.ts'
import { headerValue } from '../settlement/copied-headers.ts'
import { deadLetterOldest } from './dead-letter-oldest.ts'
import type { Observation } from './observe.ts'
import type { QueueState } from './state.ts'

/**
 * Dead-letters what is older than maxAge, where the Queue says so; not what never expires, by its `Nats-TTL`.
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
    goes: ({ time, headers }) => (time.getTime() > before ? 'end' : headerValue(headers, 'Nats-TTL') !== 'never'),
  })
}
