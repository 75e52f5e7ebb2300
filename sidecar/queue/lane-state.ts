import type { LaneFlow } from '../dispatch/lane-flow.ts'
import type { Lane } from '../lanes/lane.ts'
import type { Ledger } from '../settlement/ledger.ts'
import { LaneLedger } from '../settlement/lane-ledger.ts'
import { RangeSet } from '../settlement/range-set.ts'
import type { AckSubject } from '../wire/ack-subject.ts'
import { SpreadLedger } from '../settlement/spread-ledger.ts'

/** How a message ended. */
export const OUTCOMES = ['acknowledged', 'deadLettered', 'dropped', 'moved', 'purged', 'transferred'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** One lane at run time. */
export interface LaneState {
  readonly group: string
  lane: Lane
  readonly consumer: string
  ledger: Ledger
  /** Set where the group's messages are spread over lanes. */
  spread?: Spread
  /** Moves to the dead letters under way, by sequence. */
  readonly moving: Set<number>
  /** Ended here because a copy took their place, which is delivered again, by sequence: when that was. Monotonic milliseconds. */
  readonly movedAt: Map<number, number>
  /** By which transaction each message is held that one acknowledges and that is not decided; those are in `moving` too. */
  readonly held: Map<number, string>
  /** Settled but still pending at JetStream: waiting for a purge, or for their acknowledgement to be passed on. */
  readonly unacked: RangeSet
  /** Until when a retry or an extension keeps a message in flight at least, by sequence; monotonic milliseconds. */
  readonly alive: Map<number, number>
  /** Given back, by sequence: until when they wait; monotonic milliseconds. */
  readonly delayed: Map<number, number>
  /** The oldest delivered message with no end on record, and since when it has been that. Monotonic milliseconds. */
  oldest?: { readonly sequence: number; readonly since: number }
  /** Since when there have been more unrecorded messages than JetStream holds pending. Monotonic milliseconds. */
  holeSince?: number
}

/** What the sidecar keeps of a lane that shares its stream with others. */
export interface Spread {
  readonly ledger: SpreadLedger
  /** Up to here messages were counted when the lane was made, until word of a later one comes. */
  countedThrough?: number
  /** Set once JetStream said what the lane has, where pulls are handed out to lanes. */
  flow?: LaneFlow
  /** Tells who hands out pulls that the lane may be ready. */
  changed: (at?: number) => void
  /** Tells JetStream of an end, at this subject, with the lane's next pull where there is one; set where pulls are handed out. */
  release?: (subject: string) => void
  /** How many deliveries the lane had made when it was stopped in good order, until that was heeded. */
  stoppedAt?: number | undefined
  /** How far deliveries were accounted for when it was looked at last. */
  accounted: number
  /** The floor when the lane was looked at last. */
  seen: number
  /** The floor above which the lane's next message was looked for last. */
  sought: number
  /** Since when nothing has happened in the lane, by its flow's count of events. Monotonic milliseconds. */
  quiet: { readonly version: number; readonly since: number }
  /** Up to here the lane's messages were purged from the stream. */
  purged: number
  /** Messages on record that are still in the stream. */
  unpurged: number
}

export const laneState = (group: string, lane: Lane, consumer: string): LaneState => ({
  group,
  lane,
  consumer,
  ledger: new LaneLedger(),
  moving: new Set(),
  movedAt: new Map(),
  held: new Map(),
  unacked: new RangeSet(),
  alive: new Map(),
  delayed: new Map(),
})

/** A lane that shares its stream with others. */
export function spreadLaneState(group: string, lane: Lane, consumer: string): LaneState {
  const ledger = new SpreadLedger()
  const spread = {
    ledger,
    changed: () => undefined,
    accounted: 0,
    seen: -1,
    sought: -1,
    purged: 0,
    unpurged: 0,
    quiet: { version: -1, since: 0 },
  }
  return { ...laneState(group, lane, consumer), ledger, spread }
}

/** Nothing is open that only a look at it would end: no message, and no delivery that may have reached nobody. Pure. */
export const isQuiet = ({ ledger, spread }: LaneState): boolean =>
  ledger.unrecorded === 0 &&
  (spread === undefined || (spread.unpurged === 0 && spread.ledger.ahead === 0 && spread.flow?.isMoving !== true))

/** Nothing is left to deliver or to settle, as far as is known without asking. Pure. */
export const hasNothing = ({ ledger, spread }: LaneState): boolean =>
  ledger.unrecorded === 0 && (spread?.flow?.isEmpty ?? true)

/**
 * Whether the delivery that an answer names was made, as far as is known without asking. After a crash nats-server may give the numbers
 * of its last deliveries again, and an answer name one from before. Pure.
 */
export const isSurelyDelivered = (
  { spread }: LaneState,
  { consumerSequence }: Pick<AckSubject, 'consumerSequence'>,
): boolean => spread !== undefined && !spread.ledger.isBlind && spread.flow?.isOpen(consumerSequence) === true
