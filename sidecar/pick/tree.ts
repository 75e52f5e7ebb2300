import type { LaneView, Picker } from './pick.ts'

/** Messages in one turn of a sub-queue of weight 1: more would be fewer requests, and longer waits for the others. */
export const QUANTUM = 8

interface Node {
  readonly path: string
  readonly weight: number
  /** The lane of the sub-queue itself, beside those below it. */
  readonly lane: number | undefined
  readonly children: Node[]
}

/** By path of the parent: whose turn it is, and what is left of it. */
export type Turns = ReadonlyMap<string, { readonly path: string; readonly left: number }>

/**
 * Deficit round robin (Shreedhar and Varghese, 1995) at every level of the tree: siblings take turns, each as long as its weight,
 * whatever is below them. A sub-queue that has both messages and sub-queues of its own is a sibling of these.
 */
export function tree(paths: readonly string[], weights: Readonly<Record<string, number>>): Picker<Turns> {
  const root = build(paths, weights)
  return {
    inOrder: false,
    start: () => new Map(),
    pick: (state, lanes, atMost) => {
      const turns = new Map(state)
      let node = root
      let most = atMost
      while (node.lane === undefined || node.children.length > 0) {
        const turn = nextTurn(node, turns.get(node.path), lanes)
        if (turn === undefined) return undefined
        most = Math.min(most, turn.left)
        turns.set(node.path, { path: turn.node.path, left: turn.left })
        node = turn.node
      }
      const count = Math.min(most, lanes[node.lane]?.ready ?? 0)
      for (const [path, turn] of turns) {
        if (isOnWay(path, node.path)) turns.set(path, { ...turn, left: turn.left - count })
      }
      return { lane: node.lane, count, state: turns }
    },
  }
}

const ITSELF = '.'

function build(paths: readonly string[], weights: Readonly<Record<string, number>>): Node {
  const root: Node = { path: '', weight: 1, lane: undefined, children: [] }
  for (const [lane, path] of paths.entries()) {
    let node = root
    for (const [depth] of path.split('.').entries()) {
      const at = path
        .split('.')
        .slice(0, depth + 1)
        .join('.')
      let child = node.children.find((other) => other.path === at)
      if (child === undefined) {
        child = { path: at, weight: weights[at] ?? 1, lane: undefined, children: [] }
        node.children.push(child)
      }
      node = child
    }
    node.children.push({ path: `${path}${ITSELF}`, weight: 1, lane, children: [] })
  }
  return root
}

/** The turn that goes on, or the one of the next child that has something. */
function nextTurn(
  { children }: Node,
  turn: { readonly path: string; readonly left: number } | undefined,
  lanes: readonly LaneView[],
): { readonly node: Node; readonly left: number } | undefined {
  const current = children.findIndex(({ path }) => path === turn?.path)
  const going = children[current]
  if (turn !== undefined && turn.left > 0 && going !== undefined && isReady(going, lanes)) {
    return { node: going, left: turn.left }
  }
  for (let step = 1; step <= children.length; step++) {
    const node = children[(current + step + children.length) % children.length]
    if (node !== undefined && isReady(node, lanes)) return { node, left: node.weight * QUANTUM }
  }
  return undefined
}

const isReady = ({ lane, children }: Node, lanes: readonly LaneView[]): boolean =>
  lane === undefined ? children.some((child) => isReady(child, lanes)) : (lanes[lane]?.ready ?? 0) > 0

/** Whether the turn that the node at `path` gives was given to `leaf` or to what it is below of. */
const isOnWay = (path: string, leaf: string): boolean => path === '' || leaf.startsWith(`${path}.`)
