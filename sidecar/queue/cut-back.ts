import type { StreamInfo } from '@nats-io/jetstream'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { readBatch } from '../jetstream/read.ts'
import { allRanges, type SettlementRecord } from '../settlement/record.ts'

/**
 * Up to which sequence the records may be believed. With durability Interval a power cut can take the end of a stream while the
 * log, another stream, still speaks of it; its numbers are then given to new messages. A message stored after the last record
 * was made is one of those.
 */
export async function cutBackTo(
  js: JetStreamAccess,
  stream: StreamInfo,
  records: readonly SettlementRecord[],
): Promise<number> {
  const { last_seq: last, messages } = stream.state
  const highest = highestNamed(records)
  if (highest > last || messages === 0 || records.length === 0) return last
  const since = new Date(Math.max(...records.map(({ at }) => at)) + 1)
  for await (const message of readBatch(js, stream.config.name, { start_time: since, batch: 1 })) {
    if (message.seq <= highest) return message.seq - 1
  }
  return last
}

/** The highest sequence of which the records tell the end. Pure. */
export const highestNamed = (records: readonly SettlementRecord[]): number =>
  Math.max(0, ...records.flatMap(({ lanes }) => Object.values(lanes).flatMap((s) => allRanges(s).map(([, to]) => to))))
