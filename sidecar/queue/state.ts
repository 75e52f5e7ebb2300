import type { Logger } from 'pino'
import type { QueueSpec } from '../../crds/index.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { Mutex } from '../mutex.ts'
import type { ActiveConsumer } from '../exclusive/active-consumer.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import type { QueueMetrics } from '../metrics/queue-metrics.ts'
import type { Account } from '../settlement/account.ts'
import type { SettlementLog } from '../settlement/log.ts'
import type { Settler } from '../settlement/settler.ts'
import type { LaneState } from './lane-state.ts'
import type { LostEnd } from './lost-end.ts'

/** What the parts of one Queue share. */
export interface QueueState {
  readonly js: JetStreamAccess
  readonly name: string
  readonly logger: Logger
  readonly metrics: QueueMetrics
  readonly log: SettlementLog
  readonly settler: Settler
  /** Of what leaves the queue's stream, and of moves into it: nothing leaves it between a copy and the removal of what was copied. */
  readonly streamLock: Mutex
  /** A message that stayed in the queue's stream has waited out its backoff. */
  readonly returned: (sequence: number, subject: string, attempts: number) => Promise<void>
  /** The lane of a stored message, of the only group. */
  readonly laneOf: (subject: string) => LaneState | undefined
  /** Hands a pull to the group: to its only lane, or to who picks among several. */
  readonly pull: (group: string, body: Uint8Array, reply: string) => void
  /** By group, where its messages are spread over lanes. */
  readonly dispatchers: Map<string, Dispatcher>
  /** By group, where one consumer at a time is served. */
  readonly active: Map<string, ActiveConsumer>
  /** Has what a group's consumer held delivered again: it is gone. */
  readonly giveBack: (group: string) => Promise<void>
  spec: QueueSpec
  lanes: LaneState[]
  /** The same, by the subject that they filter; of several groups together. */
  lanesBySubject: ReadonlyMap<string, readonly LaneState[]>
  /** The sub-queues that have lanes, where the Queue is a tree. */
  paths: Set<string>
  /** Whether there are messages of more sub-queues than may have lanes. */
  crowded: boolean
  /** What became of every message, by group. */
  accounts: Map<string, Account>
  /** The end of the stream that was lost, with ends that are on record. */
  lostEnd: LostEnd | undefined
  /** Whether counting begins anew after that, at the next look. */
  rebases: boolean
  /** While copies on their way into the Queue are not accounted for: what is stored after this must not leave the stream. */
  holdsAbove: number
  /** Whether something that is on record was kept for that, and would be delivered again. */
  comesAgain: boolean
  /** When the queue's stream was created; empty before it is known. */
  created: string
  /** The same in whole milliseconds since 1970. */
  createdAt: number
  /** Whether the stream is so full that settled messages behind an unsettled one have to go too. */
  nearLimit: boolean
}
