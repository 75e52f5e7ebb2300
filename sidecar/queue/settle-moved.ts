import type { StreamInfo } from '@nats-io/jetstream'
import { headerReader } from '../jetstream/header-reader.ts'
import { listHeaders } from '../jetstream/list.ts'
import { movesToTail } from '../lanes/lanes.ts'
import { originalOfTail } from '../settlement/tail.ts'
import { firstUnrecorded } from './first-unrecorded.ts'
import type { QueueState } from './state.ts'

/**
 * Messages whose copies are at the tail, and that are not on record as moved because a crash came between: they are settled now. A killed
 * nats-server forgets that the copies took their place, and brings them back beside those, or after their end.
 */
export async function settleMovedToTail(q: QueueState, stream: StreamInfo): Promise<void> {
  if (!movesToTail(q.spec)) return
  const first = await firstUnrecorded(q, stream)
  if (first === undefined) return
  const { name } = stream.config
  for await (const copy of listHeaders(q.js, name, '>', first.seq - 1)) {
    const id = (await headerReader(q.js, name, copy))('Nats-Msg-Id') ?? ''
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
