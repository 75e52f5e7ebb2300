import { ACK_PREFIX, queueStream } from '../../crds/protocol/subjects.ts'
import { listSequences } from '../jetstream/list.ts'
import type { LaneState } from '../queue/lane-state.ts'
import type { QueueState } from '../queue/state.ts'

/**
 * Has the messages of a group that were delivered and not answered delivered again, before newer ones: the consumer that held them
 * is gone. What waits out a backoff is left to it.
 *
 * @param failed what becomes of one in a mode in which JetStream delivers a message once
 */
export async function giveBack(
  q: QueueState,
  group: string,
  failed: ((lane: LaneState, sequence: number) => Promise<void>) | undefined,
): Promise<void> {
  // A purge on its way would forget what was given back (see settlement/may-purge.ts).
  await q.settler.purger.purging
  const now = performance.now()
  for (const state of q.lanes.filter((lane) => lane.group === group)) {
    const info = await q.js.manager.consumers.info(queueStream(q.name), state.consumer)
    if (info.num_ack_pending === 0) continue
    for (const sequence of await openSequences(q, state, info.delivered.stream_seq)) {
      if (failed !== undefined) await failed(state, sequence)
      else {
        const rest = `1.${sequence}.${info.delivered.consumer_seq}.0.0`
        state.delayed.set(sequence, now)
        q.js.connection.publish(`${ACK_PREFIX}.${queueStream(q.name)}.${state.consumer}.${rest}`, '-NAK')
      }
    }
    state.spread?.flow?.givenBack()
    state.spread?.changed()
  }
  await q.js.connection.flush()
}

/** Ascending. JetStream does not say what is pending at a lane: what is in the stream and has no end on record. */
async function openSequences(q: QueueState, state: LaneState, through: number): Promise<number[]> {
  const now = performance.now()
  const range = { after: state.ledger.floor, through }
  const present = await listSequences(q.js, queueStream(q.name), state.lane.filterSubject, range)
  return present.filter(
    (sequence) =>
      !state.ledger.isSettled(sequence) &&
      !state.moving.has(sequence) &&
      !state.unacked.has(sequence) &&
      (state.delayed.get(sequence) ?? 0) <= now,
  )
}
