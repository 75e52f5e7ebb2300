import { hierarchyOf, priorityOf, type QueueSpec } from '../../crds/index.ts'
import type { Lane } from '../../sidecar/lanes/lane.ts'
import { modeOf } from '../../sidecar/lanes/lanes.ts'
import type { Choice, LaneView } from '../../sidecar/pick/pick.ts'

/** Messages in one turn of a sub-queue of weight 1; the README promises turns, not their length. */
const TURN = 8

/** What a pick has to be, whatever the mode: not more than is asked for or known to be there, and no ready lane is passed over for ever. */
export class PickCheck {
  readonly #spec: QueueSpec
  #bounds: number[] = []
  /** Messages that others were given while the lane was ready all the time. */
  #passedOver: number[] = []

  constructor(spec: QueueSpec) {
    this.#spec = spec
  }

  /** The lanes from now on, in the order of their views. */
  begin(lanes: readonly Lane[]): void {
    this.#bounds = lanes.map((_, index) => this.#bound(lanes, index))
    this.#passedOver = lanes.map(() => 0)
  }

  picked(views: readonly LaneView[], atMost: number, choice: Choice | undefined): void {
    if (choice === undefined) {
      if (views.some(({ ready }) => ready > 0)) throw new Error(`nothing of ${JSON.stringify(views)}`)
      return
    }
    const { lane, count } = choice
    if (count < 1 || count > atMost || count > (views[lane]?.ready ?? 0)) {
      throw new Error(`${count} of lane ${lane} for ${atMost} of ${JSON.stringify(views)}`)
    }
    if (this.#isStrict) this.#checkStrict(views, lane)
    for (const [index, { ready }] of views.entries()) {
      const passed = index === lane || ready === 0 ? 0 : (this.#passedOver[index] ?? 0) + count
      this.#passedOver[index] = passed
      const bound = this.#bounds[index] ?? 0
      if (passed > bound)
        throw new Error(`lane ${index} was ready while ${passed} of others went before it, over ${bound}`)
    }
  }

  get #isStrict(): boolean {
    return this.#spec.ordering.mode === 'Priority' && priorityOf(this.#spec.ordering).policy === 'Strict'
  }

  #checkStrict(views: readonly LaneView[], lane: number): void {
    const overdue = views.flatMap((view, index) => (view.ready > 0 && view.overdue > 0 ? [{ ...view, index }] : []))
    const oldest = Math.min(...overdue.map(({ overdueSince }) => overdueSince))
    const wanted =
      overdue.length > 0
        ? overdue.filter(({ overdueSince }) => overdueSince === oldest).map(({ index }) => index)
        : [views.findLastIndex(({ ready }) => ready > 0)]
    if (!wanted.includes(lane))
      throw new Error(`lane ${lane} and not ${wanted.join(' or ')} of ${JSON.stringify(views)}`)
  }

  /** How many messages of others may go before one of a lane that is ready. */
  #bound(lanes: readonly Lane[], index: number): number {
    const mode = modeOf(this.#spec)
    if (mode === 'KeyedFifo') return lanes.length - 1
    if (mode === 'Hierarchical') return this.#treeBound(lanes, lanes[index]?.path ?? '')
    if (this.#isStrict) return Number.POSITIVE_INFINITY
    return lanes.reduce((sum, _, level) => (level === index ? sum : sum + level + 1), 0)
  }

  /**
   * Deficit round robin at every level: from the inside out, what siblings may get before it, and for each turn that the parent
   * needs to give them that, what the parent's own siblings may get.
   */
  #treeBound(lanes: readonly Lane[], path: string): number {
    const names = path.split('.')
    const nodes = new Set(
      lanes.flatMap(({ path: other = '' }) =>
        other.split('.').map((_, depth, all) => all.slice(0, depth + 1).join('.')),
      ),
    )
    const turn = (node: string): number => (hierarchyOf(this.#spec).weights?.[node] ?? 1) * TURN
    const children = (parent: string): number =>
      [...nodes]
        .filter((node) => node.slice(0, Math.max(0, node.lastIndexOf('.'))) === parent)
        .reduce((sum, node) => sum + turn(node), 0)
    const isLane = (node: string): boolean => lanes.some((lane) => lane.path === node)
    // What the sub-queues below it get before its own messages.
    let before = children(path)
    for (let depth = names.length; depth > 0; depth--) {
      const node = names.slice(0, depth).join('.')
      const parent = names.slice(0, depth - 1).join('.')
      const siblings = children(parent) - turn(node) + (isLane(parent) ? TURN : 0)
      before += (Math.ceil(before / turn(node)) + 1) * siblings
    }
    return before
  }
}
