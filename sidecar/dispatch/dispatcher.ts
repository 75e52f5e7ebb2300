import { setTimeout as delay } from 'node:timers/promises'
import type { ConsumerInfo } from '@nats-io/jetstream'
import { createInbox, type Subscription } from '@nats-io/transport-node'
import type { JetStreamAccess } from '../jetstream/access.ts'
import type { Chooser } from '../pick/chooser.ts'
import type { LaneView } from '../pick/pick.ts'
import { passOnPull } from '../queue/pull.ts'
import { parsePullRequest } from '../wire/pull-request.ts'
import {
  endsAt,
  type HeldPull,
  holdPull,
  sayBadRequest,
  sayHeartbeat,
  sayNoMessages,
  sayRequestTimeout,
} from './held-pull.ts'
import type { Gate } from './gate.ts'
import type { LaneFacts, LaneFlow } from './lane-flow.ts'

/**
 * How long a lane that was taken to be ready may hold a pull. Where the estimate was wrong, its client asks again then.
 * Milliseconds.
 */
const WRONG_ESTIMATE_MS = 500
/** A lane that was asked for messages longer ago than this has delivered them. Milliseconds. */
const DELIVERED_MS = 20
/** Between looks at a lane that has not delivered yet what it was asked for; after the last, its client is gone. Milliseconds. */
const CONFIRM_MS = [0, 1, 2, 4, 8, 16, 32, 64, 128]
/** A lane that delivered nothing for so long, though it was asked, has nothing. Milliseconds. */
const STANDS_MS = 16
/** A pull whose client was not heard of for longer may be left behind by one that is gone. Milliseconds. */
const STALE_MS = 200
/** From the end of a pull to a look at whether its lane delivered what it was asked for just before that. Milliseconds. */
const LOOK_AFTER_MS = 20
/** Pulls that one group holds at most; the oldest ends for a new one, as a client that is gone would leave it. */
const MAX_HELD = 8192
const NS_PER_MS = 1e6
/** Far below what a timer can take. Milliseconds. */
const LONGEST_TIMER_MS = 60_000

/** A lane as the dispatcher sees it. */
export interface DispatchLane {
  readonly consumer: string
  readonly flow: LaneFlow
  readonly facts: (info: ConsumerInfo) => LaneFacts
}

interface View extends LaneView {
  ready: number
  overdue: number
  overdueSince: number
}

/**
 * Holds the pulls of a group that has several lanes, and passes each on to the lanes that the mode picks, for as many messages as
 * each has ready. nats-server delivers to the client itself.
 */
export class Dispatcher {
  readonly lanes: readonly DispatchLane[]
  readonly chooser: Chooser
  readonly #js: JetStreamAccess
  readonly #stream: string
  readonly #ages: boolean
  readonly #gate: Gate | undefined
  readonly #views: View[]
  readonly #probe = createInbox()
  readonly #probes: Subscription
  #pulls: HeldPull[] = []
  #lastId = 0
  #timer: NodeJS.Timeout | undefined
  #timerAt = Number.POSITIVE_INFINITY
  /** The lane that was asked last, until it is known to have delivered. */
  #asked: { readonly lane: number; readonly at: number } | undefined
  /** Ends that JetStream is told of in this turn of the event loop, by lane: where. */
  readonly #releases = new Map<number, string>()
  /** Lanes that are looked at soon, with the timers. */
  readonly #looks = new Map<number, NodeJS.Timeout>()
  #confirming = false
  #scheduled = false
  #stopped = false
  paused: boolean

  /** @param ages whether the pick depends on how long messages wait */
  constructor(
    js: JetStreamAccess,
    stream: string,
    options: {
      lanes: readonly DispatchLane[]
      chooser: Chooser
      ages: boolean
      gate?: Gate | undefined
      paused: boolean
    },
  ) {
    this.#js = js
    this.#stream = stream
    this.lanes = options.lanes
    this.chooser = options.chooser
    this.#ages = options.ages
    this.#gate = options.gate
    this.paused = options.paused
    this.#views = this.lanes.map(() => ({ ready: 0, overdue: 0, overdueSince: 0 }))
    this.#probes = js.connection.subscribe(`${this.#probe}.*`, {
      callback: (_, { subject }) => this.#gone(Number(subject.slice(subject.lastIndexOf('.') + 1))),
    })
    this.refresh()
  }

  /** The pulls that are held, oldest first. */
  get held(): readonly HeldPull[] {
    return this.#pulls
  }

  /** A pull with `body`, to be answered at `reply`. */
  pull(body: Uint8Array, reply: string): void {
    const request = parsePullRequest(body)
    if (typeof request === 'string') return sayBadRequest(this.#js.connection, reply, request)
    const pull = holdPull(++this.#lastId, request, reply, performance.now())
    this.#pulls.push(pull)
    if (this.#pulls.length > MAX_HELD) this.#end(this.#pulls[0])
    this.#gate?.arrived(reply)
    this.#schedule(Math.min(pull.expiresAt, pull.heartbeatAt))
    this.#serveSoon()
  }

  /** Something changed that a lane may be ready by, now or at a time that is known. */
  changed(lane: number, at = Number.POSITIVE_INFINITY): void {
    this.#refresh(lane)
    this.#schedule(at)
    if (this.#pulls.length > 0) this.#serveSoon()
  }

  /** JetStream is told of an end of a lane with one place, at `subject`: with the lane's next pull, or by itself at the end of this turn. */
  release(lane: number, subject: string): void {
    const goesAlone = this.#stopped || this.#confirming || this.paused || this.#pulls.length === 0
    if (goesAlone || this.#releases.has(lane)) return this.#js.connection.publish(subject)
    this.#releases.set(lane, subject)
    this.#serveSoon()
  }

  #releaseAll(): void {
    for (const subject of this.#releases.values()) this.#js.connection.publish(subject)
    this.#releases.clear()
  }

  /** Every lane anew: after a correction. */
  refresh(): void {
    for (const [lane, { flow }] of this.lanes.entries()) this.changed(lane, flow.nextAt)
  }

  /** Pulls may be served that might not before. */
  admitted(): void {
    if (this.#pulls.length > 0) this.#serveSoon()
  }

  /** Ends the pulls that are answered at these places, so that their clients ask again. */
  end(replies: readonly string[]): void {
    for (const pull of this.#pulls.filter(({ reply }) => replies.includes(reply))) this.#end(pull)
  }

  /** Ends, and leaves its pulls to a dispatcher of other lanes. */
  handOver(): HeldPull[] {
    const pulls = this.#pulls
    this.#pulls = []
    this.stop()
    return pulls
  }

  /** Takes the pulls of the dispatcher before it. */
  takeOver(pulls: readonly HeldPull[]): void {
    for (const pull of pulls) {
      // Numbered anew: word of a client that is gone goes to where the pull is.
      this.#pulls.push({ ...pull, id: ++this.#lastId })
      this.#schedule(Math.min(endsAt(pull), pull.heartbeatAt))
    }
    this.#serveSoon()
  }

  /** Ends the pulls that are held, so that their clients ask again. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    for (const timer of this.#looks.values()) clearTimeout(timer)
    this.#looks.clear()
    this.#probes.unsubscribe()
    for (const pull of this.#pulls) sayRequestTimeout(this.#js.connection, pull)
    this.#pulls = []
    this.#releaseAll()
  }

  #gone(id: number): void {
    this.#pulls = this.#pulls.filter((pull) => pull.id !== id)
  }

  #end(pull: HeldPull | undefined): void {
    if (pull === undefined) return
    this.#gone(pull.id)
    sayRequestTimeout(this.#js.connection, pull)
  }

  #refresh(lane: number): void {
    const view = this.#views[lane]
    const flow = this.lanes[lane]?.flow
    if (view === undefined || flow === undefined) return
    view.ready = flow.ready
  }

  #refreshAges(now: number): void {
    for (const [lane, { flow }] of this.lanes.entries()) {
      const view = this.#views[lane]
      if (view === undefined) continue
      const overdue = flow.waiting.overdue(now)
      view.overdue = overdue?.count ?? 0
      view.overdueSince = overdue?.since ?? 0
    }
  }

  /** What arrived in one turn of the event loop is looked at together: the first of several is not the most urgent. */
  #serveSoon(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#serve()
      this.#releaseAll()
    })
  }

  #serve(): void {
    if (this.#confirming || this.#stopped) return
    const now = performance.now()
    while (!this.paused) {
      // One that is over is kept for a moment, for what it was given last; its client need not be there for more.
      const pull = this.#pulls.find((held) => held.expiresAt > now && this.#isAdmitted(held))
      if (pull === undefined) break
      if (this.#ages) this.#refreshAges(now)
      const choice = this.chooser.choose(this.#views, this.#share(pull))
      if (choice === undefined) break
      const { lane, count } = choice
      const ordered = this.chooser.inOrder || pull.request.noWait
      if (ordered && this.#asked !== undefined && this.#asked.lane !== lane && now - this.#asked.at < DELIVERED_MS) {
        void this.#confirm(this.#asked.lane)
        return
      }
      this.#grant(pull, lane, count, now)
      if (now - pull.aliveAt > STALE_MS) {
        void this.#confirm(lane, pull)
        return
      }
    }
    this.#endNoWait()
  }

  #isAdmitted({ reply }: HeldPull): boolean {
    return this.#gate === undefined || this.#gate.admits(reply) === true
  }

  /** Several pulls share what is ready; not with those that stand by. */
  #share(pull: HeldPull): number {
    if (this.#pulls.length === 1 || this.#gate !== undefined) return pull.left
    let ready = 0
    for (const view of this.#views) ready += view.ready
    return Math.min(pull.left, Math.max(1, Math.ceil(ready / this.#pulls.length)))
  }

  #grant(pull: HeldPull, lane: number, count: number, now: number): void {
    const target = this.lanes[lane]
    if (target === undefined) return
    const { request } = pull
    target.flow.grant(count, now)
    this.#refresh(lane)
    this.#schedule(target.flow.deadline(now))
    this.#asked = { lane, at: now }
    pull.left -= count
    pull.grantedAt = now
    this.#pulls.splice(this.#pulls.indexOf(pull), 1)
    if (pull.expiresAt - now < WRONG_ESTIMATE_MS) this.#lookSoon(lane, pull.expiresAt - now + LOOK_AFTER_MS)
    const expires = Math.round(Math.min(WRONG_ESTIMATE_MS, Math.max(1, pull.expiresAt - now)) * NS_PER_MS)
    // What nats-server has to end itself, after the last message: how many bytes that was, or that there is no more. A lane with
    // one place in flight would have it wait until that is free.
    const none = pull.left > 0 && !target.flow.single && this.#views.every(({ ready }) => ready === 0)
    const last = request.maxBytes > 0 || (request.noWait && none)
    const asked = { lane, consumer: target.consumer }
    if (last) this.#ask(asked, pull, { batch: pull.left + count, no_wait: true, max_bytes: request.maxBytes })
    else this.#ask(asked, pull, { batch: count, expires })
    if (!last && pull.left > 0) this.#pulls.push(pull)
  }

  /** A pull may end before its lane delivers, which would be noticed late. */
  #lookSoon(lane: number, afterMs: number): void {
    if (this.#looks.has(lane) || this.#stopped) return
    const look = (): void => {
      this.#looks.delete(lane)
      // Else the next sweep notices.
      this.#look(lane).catch(() => undefined)
    }
    this.#looks.set(lane, setTimeout(look, afterMs))
  }

  async #look(lane: number): Promise<void> {
    const target = this.lanes[lane]
    if (target === undefined) return
    const { version } = target.flow
    const info = await this.#js.manager.consumers.info(this.#stream, target.consumer)
    if (info.num_waiting > 0 || info.delivered.consumer_seq >= target.flow.deliveries) return
    target.flow.correct(target.facts(info), version, performance.now(), true)
    this.changed(lane, target.flow.nextAt)
  }

  #ask({ lane, consumer }: { lane: number; consumer: string }, { reply }: HeldPull, request: object): void {
    const { connection } = this.#js
    const data = JSON.stringify(request)
    const release = this.#releases.get(lane)
    if (release === undefined) return passOnPull(connection, this.#stream, consumer, { data, reply })
    this.#releases.delete(lane)
    connection.publish(release, `+NXT ${data}`, { reply })
  }

  #endNoWait(): void {
    if (!this.#pulls.some(({ request }) => request.noWait)) return
    for (const pull of this.#pulls) {
      if (!pull.request.noWait || (this.#gate !== undefined && this.#gate.admits(pull.reply) === undefined)) continue
      // One that also names an end waits for the first message, as it does at nats-server.
      if (pull.request.expiresMs !== undefined && pull.left === pull.request.batch) continue
      if (pull.left < pull.request.batch) {
        pull.expiresAt = Math.min(pull.expiresAt, performance.now())
        this.#schedule(endsAt(pull))
        continue
      }
      this.#gone(pull.id)
      sayNoMessages(this.#js.connection, pull.reply)
    }
  }

  /**
   * Waits until a lane has delivered what it was asked for. nats-server drops a request whose client is gone: then `pull` goes,
   * and the lane still has the messages. Nothing is handed out meanwhile.
   */
  async #confirm(lane: number, pull?: HeldPull): Promise<void> {
    const target = this.lanes[lane]
    if (target === undefined) return
    this.#confirming = true
    try {
      let alive = false
      let before = -1
      for (const wait of CONFIRM_MS) {
        if (wait > 0) await delay(wait)
        const info = await this.#js.manager.consumers.info(this.#stream, target.consumer)
        const delivered = info.delivered.consumer_seq >= target.flow.deliveries
        if (delivered && pull !== undefined) pull.aliveAt = performance.now()
        // A request that waits has a client, though the lane had less than was thought.
        alive = delivered || info.num_waiting > 0
        // As long as it goes on delivering, what another lane has would come in between.
        const stands = info.delivered.consumer_seq === before && wait >= STANDS_MS
        if (delivered || (alive && stands)) break
        before = info.delivered.consumer_seq
      }
      if (!alive) await this.#takeBack(lane, pull)
    } catch {
      // The order may suffer, the delivery must not.
    }
    this.#confirming = false
    this.#asked = undefined
    this.#serve()
  }

  async #takeBack(lane: number, pull: HeldPull | undefined): Promise<void> {
    const target = this.lanes[lane]
    if (target === undefined) return
    // Its client may be there after all, where it was an earlier one that was gone: then it asks again.
    this.#end(pull)
    const { version } = target.flow
    const info = await this.#js.manager.consumers.info(this.#stream, target.consumer)
    target.flow.correct(target.facts(info), version, performance.now(), true)
    this.#refresh(lane)
  }

  #schedule(at: number): void {
    if (at >= this.#timerAt || this.#stopped) return
    clearTimeout(this.#timer)
    this.#timerAt = at
    const wait = Math.min(LONGEST_TIMER_MS, Math.max(0, at - performance.now()))
    this.#timer = setTimeout(() => this.#tick(), wait)
  }

  #tick(): void {
    this.#timerAt = Number.POSITIVE_INFINITY
    const now = performance.now()
    let next = Number.POSITIVE_INFINITY
    for (const [lane, { flow }] of this.lanes.entries()) {
      flow.advance(now)
      this.#refresh(lane)
      next = Math.min(next, flow.nextAt)
      if (this.#ages && flow.waiting.overdueAt > now) next = Math.min(next, flow.waiting.overdueAt)
    }
    for (const pull of this.#pulls) {
      if (endsAt(pull) <= now) this.#end(pull)
      else {
        if (pull.heartbeatAt <= now) {
          sayHeartbeat(this.#js.connection, pull.reply, `${this.#probe}.${pull.id}`)
          pull.heartbeatAt = now + pull.request.heartbeatMs
        }
        next = Math.min(next, endsAt(pull), pull.heartbeatAt)
      }
    }
    this.#schedule(next)
    this.#serve()
  }
}
