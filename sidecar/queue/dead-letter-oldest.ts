import { queueStream } from '../../crds/protocol/subjects.ts'
import { readStored, type StoredMessage } from '../jetstream/stored-message.ts'
import { copyToDeadLetters } from '../settlement/mover.ts'
import type { LaneState } from './lane-state.ts'
import { openLanes } from './open-lanes.ts'
import type { QueueState } from './state.ts'
import { takeOut } from './take-out.ts'

/** Messages looked at in one pass, so that other work on the Queue is not held up for long; the next pass goes on. */
const LOOK_AT_MOST = 2000
/** Copies on their way at once. */
const COPIES = 64

export interface Oldest {
  readonly reason: 'expired' | 'evicted'
  /** The sequence to begin at. */
  readonly first: number
  /** Whether a message is to go; `end`: nor is any after it. */
  readonly goes: (message: StoredMessage, open: readonly LaneState[]) => boolean | 'end'
}

/**
 * Dead-letters messages in the order of the stream that JetStream itself would drop. For each group that is not done with one a
 * dead letter is stored, then its end is put on record, and then the message is deleted: a crash in between has the rest done after
 * it, and a copy made twice is stored once.
 */
export async function deadLetterOldest(q: QueueState, { reason, first, goes }: Oldest): Promise<void> {
  const ended: number[] = []
  // Begun between two reads only: nobody would hear of it if they failed during one that fails too.
  const batch: Array<{ message: StoredMessage; open: LaneState[] }> = []
  const endAll = async (): Promise<void> => {
    const all = batch.splice(0)
    await Promise.all(all.map(({ message, open }) => end(q, message, open, reason)))
    ended.push(...all.map(({ message }) => message.seq))
  }
  let looked = 0
  for await (const message of readStored(q.js, queueStream(q.name), first)) {
    const open = openLanes(q, message)
    const verdict = goes(message, open)
    if (verdict === 'end' || ++looked > LOOK_AT_MOST) break
    if (!verdict || open.length === 0) continue
    if (batch.push({ message, open }) === COPIES) await endAll()
  }
  await endAll()
  if (ended.length === 0) return
  await takeOut(q, ended)
  q.logger.info({ count: ended.length, reason }, 'dead-lettered the oldest messages')
}

async function end(
  q: QueueState,
  message: StoredMessage,
  lanes: readonly LaneState[],
  reason: Oldest['reason'],
): Promise<void> {
  const { js, name, created, metrics, settler } = q
  for (const lane of lanes) {
    lane.moving.add(message.seq)
    try {
      const attempts = message.seq <= lane.ledger.delivered ? 1 : 0
      const move = { group: lane.group, sequence: message.seq, reason, attempts }
      await copyToDeadLetters(js, name, created, move, message)
      metrics.deadLettered(lane.group, reason)
      settler.end(lane, message.seq, 'deadLettered')
    } catch (error) {
      lane.moving.delete(message.seq)
      throw error
    }
  }
}
