import type { StreamInfo } from '@nats-io/jetstream'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { readBatch } from '../jetstream/read.ts'
import { allRanges, type SettlementRecord } from '../settlement/record.ts'
import type { AckSubject } from '../wire/ack-subject.ts'
import type { QueueState } from './state.ts'

/** The end of a stream that a power cut took, of which the records tell. */
export interface LostEnd {
  /** Messages with a higher number are others than those that the records speak of. */
  readonly above: number
  /** Those that are lost were stored before; milliseconds since 1970. */
  readonly storedBefore: number
}

/**
 * A power cut can take the end of a stream while the log, another stream, still speaks of it; its numbers are then given to new
 * messages, also before the sidecar looks. With durability Interval that are messages that were not synced; with Always, those at
 * the end of the stream that are on record and were let go of. A message stored after the last record was made is a new one.
 * Undefined: nothing that the records speak of is lost.
 */
export async function findLostEnd(
  js: JetStreamAccess,
  stream: StreamInfo,
  records: readonly SettlementRecord[],
): Promise<LostEnd | undefined> {
  const { last_seq: last, messages } = stream.state
  const highest = highestNamed(records)
  const storedBefore = Math.max(0, ...records.map(({ at }) => at)) + 1
  if (messages > 0 && records.length > 0) {
    const since = new Date(storedBefore)
    for await (const message of readBatch(js, stream.config.name, { start_time: since, batch: 1 })) {
      if (message.seq <= highest) return { above: message.seq - 1, storedBefore }
    }
  }
  return highest > last ? { above: last, storedBefore } : undefined
}

/** Pure. Whether what a client holds is of an earlier stream of this name, or of the end that was lost: its number is another message's. */
export const isOfAnother = (
  { createdAt, lostEnd }: Pick<QueueState, 'createdAt' | 'lostEnd'>,
  { streamSequence, storedAt }: Pick<AckSubject, 'streamSequence' | 'storedAt'>,
): boolean =>
  storedAt < createdAt || (lostEnd !== undefined && streamSequence > lostEnd.above && storedAt < lostEnd.storedBefore)

/** The highest sequence of which the records tell the end. Pure. */
const highestNamed = (records: readonly SettlementRecord[]): number =>
  Math.max(
    0,
    ...records.flatMap(({ lanes }) =>
      Object.values(lanes).flatMap((lane) => [lane.floor ?? 0, ...allRanges(lane).map(([, to]) => to)]),
    ),
  )
