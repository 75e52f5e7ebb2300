import type { Arrival, Judge, OrderCheck, OrderCounts } from './order-check.ts'

/** A sub-queue, or a subtree. */
interface Node {
  readonly siblings: Node[]
  /** When something of it arrived, in order. */
  arrivals: number[]
  /** Sub-queues only: the highest stream sequence up to each arrival. */
  highest: number[]
}

export interface HierarchicalOptions {
  readonly messages: number
  /** The sub-queues, by route. None is within another. */
  readonly paths: readonly string[]
  readonly consumers: number
  /** Messages in one turn of a sub-queue. */
  readonly quantum: number
  /** From a PubAck until the message is taken to be known to whoever picks: its sub-queue may have to be given a lane. Milliseconds. */
  readonly marginMs: number
}

/**
 * Hierarchical, all weights 1: order within each path, and turns between siblings at every level of the tree.
 *
 * From when a message is known to wait, and the one before it in its subtree has arrived, until the pull is sent that brings it,
 * each sibling has one turn at most, of `quantum` messages. With several consumers, a message of the subtree that is on its
 * way to each of the others may have had its turn unseen, and another of the sibling may have been picked before: `consumers`
 * turns, and as many messages more.
 */
export class HierarchicalOrder implements OrderCheck {
  readonly #o: HierarchicalOptions
  readonly #bound: number
  readonly #storedAt: Float64Array
  /** By route, from the top to the sub-queue itself. */
  readonly #ways: ReadonlyArray<readonly Node[]>
  readonly #nodes: Node[]
  #disturbedAt = 0
  #outages = 0
  #violations = 0
  #checked = 0

  constructor(options: HierarchicalOptions) {
    this.#o = options
    this.#bound = (options.quantum + 1) * options.consumers
    this.#storedAt = new Float64Array(options.messages)
    const { ways, nodes } = build(options.paths)
    this.#ways = ways
    this.#nodes = nodes
  }

  stored(index: number, _: number, now: number): void {
    this.#storedAt[index] = now
  }

  pulled(_: number, sentAt: number): Judge {
    const outages = this.#outages
    return (arrival, now) => {
      const way = this.#ways[arrival.route] ?? []
      if (arrival.first && arrival.attempt === 1 && outages === this.#outages) this.#judge(way, arrival, sentAt)
      for (const node of way) node.arrivals.push(now)
      const leaf = way.at(-1)
      leaf?.highest.push(Math.max(leaf.highest.at(-1) ?? 0, arrival.streamSequence))
    }
  }

  disturbed(now: number): void {
    this.#outages++
    this.#disturbedAt = now
    for (const node of this.#nodes) {
      node.arrivals = []
      node.highest = []
    }
  }

  counts(): OrderCounts {
    return { orderViolations: this.#violations, orderChecked: this.#checked }
  }

  #judge(way: readonly Node[], { index, streamSequence }: Arrival, sentAt: number): void {
    const leaf = way.at(-1)
    const before = leaf?.highest[countBefore(leaf.arrivals, sentAt) - 1] ?? 0
    const most = Math.max(0, ...way.map((node) => this.#turns(node, this.#storedAt[index] ?? 0, sentAt)))
    if (before > 0 || most > 0) this.#checked++
    if (before > streamSequence || most > this.#bound) this.#violations++
  }

  /** What a sibling of `node` was given at most while a message of `node`, stored at `stored`, waited and was the first to. */
  #turns({ arrivals, siblings }: Node, stored: number, sentAt: number): number {
    if (stored === 0) return 0
    const known = Math.max(stored, this.#disturbedAt) + this.#o.marginMs
    const from = Math.max(known, arrivals[countBefore(arrivals, sentAt) - 1] ?? 0)
    if (from >= sentAt) return 0
    return Math.max(0, ...siblings.map((s) => countBefore(s.arrivals, sentAt) - countBefore(s.arrivals, from)))
  }
}

/** How many of the ascending `times` are before `time`. */
function countBefore(times: readonly number[], time: number): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((times[middle] ?? 0) < time) low = middle + 1
    else high = middle
  }
  return low
}

function build(paths: readonly string[]): { ways: Node[][]; nodes: Node[] } {
  const nodes = new Map<string, Node>()
  const families = new Map<string, Node[]>()
  const ways = paths.map((path) => {
    const names = path.split('.')
    return names.map((_, depth) => {
      const at = names.slice(0, depth + 1).join('.')
      const known = nodes.get(at)
      if (known !== undefined) return known
      const node: Node = { siblings: [], arrivals: [], highest: [] }
      nodes.set(at, node)
      const parent = names.slice(0, depth).join('.')
      families.set(parent, [...(families.get(parent) ?? []), node])
      return node
    })
  })
  for (const family of families.values()) {
    for (const node of family) node.siblings.push(...family.filter((other) => other !== node))
  }
  return { ways, nodes: [...nodes.values()] }
}
