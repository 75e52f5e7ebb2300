import { coordinate, type Coordinator, type CoordinatorEvent } from '../../../sidecar/transactions/coordinator.ts'
import { Crash, type Disk, type Node } from './node.ts'
import type { Protocol, World } from './world.ts'

/** The coordinator's process. */
export class ModelLeader implements Node {
  readonly name = 'coordinator'
  readonly disk: Disk<Coordinator> = { known: new Map() }
  readonly #world: World
  readonly #coordinate: typeof coordinate
  #known = new Map<string, Coordinator>()
  fate = Number.POSITIVE_INFINITY

  constructor(world: World, protocol: Protocol) {
    this.#world = world
    this.#coordinate = protocol.coordinate ?? coordinate
  }

  get phases(): string[] {
    return [...this.#known.values()].map(({ phase }) => phase)
  }

  tick(): void {
    for (const tx of this.#known.keys()) this.step(tx, { kind: 'tick' })
  }

  crash(): void {
    this.#known = new Map(this.disk.known)
    for (const tx of this.#known.keys()) this.step(tx, { kind: 'restart' })
  }

  /** What the client is told after what it asked for; undefined: nothing, since the process ended. */
  step(tx: string, event: CoordinatorEvent): Coordinator | undefined {
    const before = this.#known.get(tx)
    const { state, write, send, checkBack } = this.#coordinate(before, event, this.#world.now)
    if (state !== undefined) this.#known.set(tx, state)
    if (write && state !== undefined) {
      this.#happens()
      this.#world.decided(tx, this.disk.known.get(tx), state, event)
      this.disk.known.set(tx, state)
      this.#happens()
    }
    for (const { to, order } of send) {
      this.#world.send({ kind: 'order', to, tx, order })
      this.#happens()
    }
    if (checkBack) this.#world.send({ kind: 'question', tx })
    return state
  }

  #happens(): void {
    if (this.fate-- > 0) return
    this.fate = Number.POSITIVE_INFINITY
    throw new Crash()
  }
}
