import type { StreamInfo } from '@nats-io/jetstream'
import { headerReader } from '../jetstream/header-reader.ts'
import { listHeaders } from '../jetstream/list.ts'
import { firstSince } from '../jetstream/stored-message.ts'
import { movesToTail } from '../lanes/lanes.ts'
import { originalOfTail } from '../settlement/tail.ts'
import { BEFORE_RECORD_MS } from './settle-dead-lettered.ts'
import type { QueueState } from './state.ts'

/**
 * Messages whose copies are at the tail, and that are not on record as moved because a crash came between: they are settled now. A killed
 * nats-server forgets that the copies took their place, and brings them back beside those, or after their end.
 */
export async function settleMovedToTail(q: QueueState, { config, state }: StreamInfo): Promise<void> {
  if (!movesToTail(q.spec) || state.messages === 0) return
  const since = new Date(Math.max(q.log.lastAt, q.createdAt) - BEFORE_RECORD_MS)
  const first = await firstSince(q.js, config.name, since)
  if (first === undefined) return
  for await (const copy of listHeaders(q.js, config.name, '>', first.seq - 1)) {
    const id = (await headerReader(q.js, config.name, copy))('Nats-Msg-Id') ?? ''
    const sequence = originalOfTail(id, q.name, q.created)
    const lane = sequence === undefined ? undefined : q.laneOf(copy.subject)
    if (sequence === undefined || lane === undefined) continue
    if (lane.ledger.isSettled(sequence) || q.settler.isEnding(lane, sequence)) continue
    q.settler.settle(lane, sequence, 'moved', { late: true })
    q.metrics.repaired('moved')
    q.logger.warn(
      { sequence, group: lane.group },
      'a message was moved to the tail and that was not on record; it is now',
    )
  }
}
