import type { ConsumerInfo, SequenceInfo } from '@nats-io/jetstream'
import type { SpreadLedger } from '../settlement/spread-ledger.ts'
import type { Spread } from './lane-state.ts'

/** What of a lane's consumer info says what it delivered and has to deliver. */
export type LaneInfo = Pick<ConsumerInfo, 'num_pending' | 'num_ack_pending'> & {
  readonly delivered: Pick<SequenceInfo, 'consumer_seq' | 'stream_seq'>
  readonly ack_floor: Pick<SequenceInfo, 'stream_seq'>
}

/** Deliveries answered past an unanswered one, from which on it is found out at once which that is. */
const AHEAD_AT_MOST = 20_000

/**
 * Whether the lane's messages have to be listed to know which of its deliveries came to nothing: the count of deliveries stands
 * still before ones that were answered, or is not believed, or JetStream holds fewer pending than were not answered, so that it
 * gave one up. Pure.
 */
export function isUnheard({ ledger, accounted }: Spread, info: LaneInfo): boolean {
  const { ahead } = ledger
  const stands = ledger.accounted === accounted
  const isBlind = ledger.isBlind && ledger.floor < ledger.delivered
  const unanswered = info.delivered.consumer_seq - ledger.accounted - ahead
  const givenUp = ledger.floor < info.delivered.stream_seq && unanswered > info.num_ack_pending
  return isBlind || ahead > AHEAD_AT_MOST || (stands && (ahead > 0 || givenUp))
}

/**
 * Whether a lane has nothing left to deliver and waits for no answer, so that it holds back no purge. Pure.
 *
 * @param held messages on record that JetStream counts as pending
 */
export function isDone(
  ledger: SpreadLedger,
  { num_pending, num_ack_pending, delivered }: LaneInfo,
  held: number,
): boolean {
  if (num_pending + ledger.unrecorded + ledger.ahead > 0 || num_ack_pending > held) return false
  // Numbers of deliveries that are not believed are not counted, but below the floor nothing is open.
  return ledger.accounted === delivered.consumer_seq || ledger.floor >= delivered.stream_seq
}
