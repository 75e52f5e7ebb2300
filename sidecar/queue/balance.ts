import { setTimeout as delay } from 'node:timers/promises'
import { parseDuration, parseQuantity } from '../../crds/index.ts'
import type { GroupLedger, QueueLedger } from '../../crds/protocol/ledger.ts'
import { queueStream } from '../../crds/protocol/subjects.ts'
import { mayExpire } from '../delay/ttl.ts'
import { storedMessage } from '../jetstream/stored-message.ts'
import { hasGaps, isTree, movesToTail } from '../lanes/lanes.ts'
import { Account } from '../settlement/account.ts'
import { lossBy } from '../settlement/loss.ts'
import { inFlight, type Observation } from './observe.ts'
import type { QueueState } from './state.ts'
import { sawTtl } from './waiting-ends.ts'

/** Of its limits: from here on a stream drops its oldest messages for newer ones, if it does. */
const FULL_SHARE = 0.9

/** Looks at what became of messages, until nothing is on its way, at most. */
const TRIES = 10
/** Between them. Milliseconds. */
const WAIT_MS = 30

/** The ways in which a message is gone from the Queue. */
const ENDS = ['acknowledged', 'deadLettered', 'expired', 'evicted', 'replaced', 'purged', 'moved'] as const

interface There {
  readonly ready: number
  readonly inFlight: number
}

/** Looks at what became of every message, and says by which policy those went that left without an end. */
export class Balance {
  readonly #q: QueueState
  /** By group, what was found last: nothing is said before two looks find the same. */
  readonly #found = new Map<string, string>()
  /** No message that may be gone since nothing was last on its way is older. Milliseconds since 1970. */
  #oldest = 0
  #stream = ''
  /** The last message that was looked at for its `Nats-TTL`. */
  #sampled = 0

  constructor(state: QueueState) {
    this.#q = state
  }

  /** Whether there are messages with a `Nats-TTL` is seen from the newest one at each look. */
  async lookForTtl({ stream: { state } }: Observation): Promise<void> {
    if (state.last_seq === this.#sampled || state.messages === 0) return
    this.#sampled = state.last_seq
    const { js, name } = this.#q
    const newest = await storedMessage(js, queueStream(name), state.last_seq)
    if (newest !== undefined && mayExpire(newest.headers)) sawTtl(this.#q)
  }

  /** To be called at each look at the Queue. @param now milliseconds since 1970 */
  look(observation: Observation, now: number): void {
    const { accounts, created, createdAt, spec } = this.#q
    const { state } = observation.stream
    if (this.#stream !== created) {
      this.#stream = created
      this.#oldest = createdAt
    }
    const { onExpiry, onLimit, maxAge, maxMessages, maxBytes } = spec.retention
    const isOld = onExpiry === 'Drop' && now - this.#oldest >= parseDuration(maxAge)
    const full = state.messages >= FULL_SHARE * maxMessages || state.bytes >= FULL_SHARE * parseQuantity(maxBytes)
    const circumstances = { replaces: movesToTail(spec), evicts: onLimit === 'DropOldest', full }
    let isQuiet = true
    for (const [group, account] of accounts) {
      const there = this.#there(observation, group)
      const held = there.ready + there.inFlight
      if (this.#q.rebases) account.rebase(state.last_seq, held)
      if (!this.#isSame(group, [state.last_seq, state.messages, held, account.state])) {
        isQuiet = false
        continue
      }
      const unaccounted = account.unaccounted(state.last_seq, held)
      if (unaccounted < 0) account.takeBack(-unaccounted)
      const loss = lossBy({ ...circumstances, mayHaveExpired: isOld || account.sawTtl })
      // Those of a Nats-TTL go from between others, which no lane notices.
      const isEachSeen = !hasGaps(spec) && !account.sawTtl
      if (loss !== undefined) account.explain(loss, Math.max(0, unaccounted), isEachSeen)
    }
    this.#q.rebases = false
    for (const [group, { unaccounted, ...counts }] of this.#groups(observation, 0)) {
      const ends = ENDS.map((end) => [end, counts[end]] as const)
      this.#q.metrics.balanced(group, Object.fromEntries(ends), unaccounted)
    }
    if (isQuiet) this.#oldest = state.messages > 0 ? Date.parse(state.first_ts) : now
  }

  ledger(observation: Observation, delayed: number): QueueLedger {
    const { createdAt } = this.#q
    const groups = this.#groups(observation, delayed)
    const furthest = groups.toSorted(([, a], [, b]) => b.ready + b.inFlight - a.ready - a.inFlight)[0]
    if (furthest === undefined) throw new Error('a Queue has one consumer group at least')
    const unaccounted = groups.reduce((sum, [, ledger]) => sum + (ledger.unaccounted ?? 0), 0)
    return { ...furthest[1], unaccounted, since: new Date(createdAt).toISOString(), groups: Object.fromEntries(groups) }
  }

  #groups(observation: Observation, delayed: number): Array<readonly [group: string, ledger: GroupLedger]> {
    const { accounts, spec } = this.#q
    return spec.consumerGroups.map(({ name, path }) => {
      const account = accounts.get(name) ?? Account.startingAt(observation.stream.state.last_seq)
      return [name, this.#group(observation, name, account, delayed, path === undefined)]
    })
  }

  #group(observation: Observation, group: string, account: Account, delayed: number, seesAll: boolean): GroupLedger {
    const { ended, lost } = account
    const there = this.#there(observation, group)
    const held = there.ready + there.inFlight
    const last = observation.stream.state.last_seq
    const unaccounted = account.unaccounted(last, held)
    return {
      // What waits for its time is accepted too, and not in the stream yet.
      accepted: account.accepted(last) + delayed - (seesAll ? 0 : unaccounted),
      acknowledged: ended.acknowledged,
      deadLettered: ended.deadLettered,
      ...lost,
      purged: ended.purged,
      moved: ended.transferred,
      ...there,
      delayed,
      unaccounted: seesAll ? unaccounted : null,
    }
  }

  #there({ lanes, stream, crowded }: Observation, group: string): There {
    const own = lanes.filter(({ state }) => state.group === group)
    const ready = own.reduce((sum, { info }) => sum + info.num_pending, 0)
    const pending = own.reduce((sum, lane) => sum + (lane.state.spread ? inFlight(lane.state, lane) : open(lane)), 0)
    // Right after a crash JetStream may count as pending what has left the stream.
    const flying = Math.min(pending, Math.max(0, stream.state.messages - ready))
    const hidden = crowded && isTree(this.#q.spec) ? stream.state.messages - ready - flying : 0
    return { ready: ready + Math.max(0, hidden), inFlight: flying }
  }

  #isSame(group: string, found: unknown): boolean {
    const text = JSON.stringify(found)
    const same = this.#found.get(group) === text
    this.#found.set(group, text)
    return same
  }
}

/** JetStream goes on counting as pending what expired meanwhile, and does not count what it gave up. */
const open = ({ state, info, settled }: Observation['lanes'][number]): number =>
  Math.min(state.ledger.unrecordedThrough(info.delivered.stream_seq), Math.max(0, info.num_ack_pending - settled))

/** Looks twice at least, since nothing is said of what is gone before two looks find the same. */
export async function whenQuiet(look: () => Promise<QueueLedger>): Promise<QueueLedger> {
  let found = await look()
  for (let tries = 1; tries < TRIES; tries++) {
    await delay(WAIT_MS)
    found = await look()
    if (found.unaccounted === 0) break
  }
  return found
}
