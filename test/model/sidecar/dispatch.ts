import type { LaneFlow } from '../../../sidecar/dispatch/lane-flow.ts'
import { type Chooser, chooser } from '../../../sidecar/pick/chooser.ts'
import type { LaneView } from '../../../sidecar/pick/pick.ts'
import type { LaneState } from '../../../sidecar/queue/lane-state.ts'
import { laneFacts } from '../../../sidecar/queue/spread.ts'
import type { Pull } from '../jetstream/consumer.ts'
import type { ModelStream } from '../jetstream/stream.ts'
import type { World } from '../world.ts'

/** As the dispatcher has them. Milliseconds. */
const WRONG_ESTIMATE_MS = 500
const STALE_MS = 200
const LOOK_AFTER_MS = 20

interface Held {
  readonly pull: Pull
  left: number
  aliveAt: number
}

interface DispatchLane {
  readonly state: LaneState
  readonly flow: LaneFlow
}

/** Hands out the pulls of a group with several lanes, as sidecar/dispatch/dispatcher.ts does, with its picks and its estimates. */
export class ModelDispatch {
  readonly lanes: readonly DispatchLane[]
  readonly #stream: ModelStream
  readonly #chooser: Chooser
  readonly #world: World
  #held: Held[] = []
  /** When lanes are looked at that were asked just before the end of a pull. */
  #looks: Array<{ readonly lane: number; readonly at: number }> = []

  constructor(world: World, states: readonly LaneState[]) {
    this.#world = world
    this.#stream = world.stream
    this.lanes = states.flatMap((state) =>
      state.spread?.flow === undefined ? [] : [{ state, flow: state.spread.flow }],
    )
    this.#chooser = chooser(
      world.spec,
      states.map(({ lane }) => lane),
    )
    world.picks.begin(states.map(({ lane }) => lane))
  }

  pull(pull: Pull): void {
    this.#held.push({ pull, left: pull.batch, aliveAt: this.#stream.now })
    this.serve()
  }

  /** Leaves its pulls to a dispatcher of other lanes. */
  takeOver(before: ModelDispatch | undefined): void {
    this.#held = before?.stop() ?? []
    this.serve()
  }

  stop(): Held[] {
    return this.#held.splice(0)
  }

  serve(): void {
    for (let held = this.#held[0]; held !== undefined; held = this.#held[0]) {
      const views = this.#views()
      const atMost = this.#share(held, views)
      const choice = this.#chooser.choose(views, atMost)
      this.#world.picks.picked(views, atMost, choice)
      if (choice === undefined) break
      this.#grant(held, choice.lane, choice.count)
    }
    for (const { pull } of this.#held) if (pull.noWait) pull.open = false
    this.#held = this.#held.filter(({ pull }) => !pull.noWait)
  }

  get nextAt(): number {
    const { now } = this.#stream
    let next = Number.POSITIVE_INFINITY
    for (const { flow } of this.lanes) {
      next = Math.min(next, flow.nextAt)
      if (this.#held.length > 0 && flow.waiting.overdueAt > now) next = Math.min(next, flow.waiting.overdueAt)
    }
    for (const { pull } of this.#held) next = Math.min(next, pull.expiresAt)
    for (const { at } of this.#looks) next = Math.min(next, at)
    return next
  }

  advance(): void {
    const { now } = this.#stream
    for (const { flow } of this.lanes) flow.advance(now)
    for (const { lane } of this.#looks.filter(({ at }) => at <= now)) this.#look(lane)
    this.#looks = this.#looks.filter(({ at }) => at > now)
    for (const { pull } of this.#held) if (pull.expiresAt <= now) pull.open = false
    this.#held = this.#held.filter(({ pull }) => pull.expiresAt > now)
    this.serve()
  }

  #views(): LaneView[] {
    return this.lanes.map(({ flow }) => {
      const overdue = flow.waiting.overdue(this.#stream.now)
      return { ready: flow.ready, overdue: overdue?.count ?? 0, overdueSince: overdue?.since ?? 0 }
    })
  }

  #share(held: Held, views: readonly LaneView[]): number {
    if (this.#held.length === 1) return held.left
    const ready = views.reduce((sum, view) => sum + view.ready, 0)
    return Math.min(held.left, Math.max(1, Math.ceil(ready / this.#held.length)))
  }

  #grant(held: Held, lane: number, count: number): void {
    const { now } = this.#stream
    const target = this.lanes[lane]
    const consumer = this.#stream.consumers.get(target?.state.consumer ?? '')
    if (target === undefined || consumer === undefined) throw new Error(`there is no lane ${lane}`)
    this.#world.checks.granted(consumer.name, count, consumer.available)
    target.flow.grant(count, now)
    const end = held.pull.expiresAt
    if (end - now < WRONG_ESTIMATE_MS && !this.#looks.some((look) => look.lane === lane))
      this.#looks.push({ lane, at: end + LOOK_AFTER_MS })
    held.left -= count
    this.#held.shift()
    const isStale = now - held.aliveAt > STALE_MS
    if (held.left > 0) this.#held.push(held)
    consumer.request(held.pull, count, Math.min(now + WRONG_ESTIMATE_MS, held.pull.expiresAt))
    if (!isStale) return
    const { delivered, num_waiting } = consumer.info
    if (delivered.consumer_seq >= target.flow.deliveries) held.aliveAt = now
    else if (num_waiting === 0) {
      this.#held = this.#held.filter((other) => other !== held)
      held.pull.open = false
      target.flow.correct(laneFacts(target.state, consumer.info), target.flow.version, now, true)
    }
  }

  #look(lane: number): void {
    const target = this.lanes[lane]
    const info = this.#stream.consumers.get(target?.state.consumer ?? '')?.info
    if (target === undefined || info === undefined) return
    const { flow, state } = target
    if (info.num_waiting === 0 && info.delivered.consumer_seq < flow.deliveries)
      flow.correct(laneFacts(state, info), flow.version, this.#stream.now, true)
  }
}
