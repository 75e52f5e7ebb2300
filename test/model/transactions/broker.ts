import { ordered, participate, type ParticipantEvent } from '../../../sidecar/transactions/participant.ts'
import type { Order } from '../../../sidecar/transactions/coordinator.ts'
import { Crash, type Disk, type Node } from './node.ts'
import type { Participant } from '../../../sidecar/transactions/participant.ts'
import type { Protocol, World } from './world.ts'

/** A participant with its Queue: what was published to it and acknowledged in it, by transaction. */
export class ModelBroker implements Node {
  readonly name: string
  readonly #world: World
  readonly #participate: typeof participate
  readonly disk: Disk<Participant> = { known: new Map() }
  /** Durable: sends that are staged. */
  readonly staged = new Set<string>()
  /** How often the sends of each transaction came into the Queue. */
  readonly published = new Map<string, number>()
  /** Whose sends are still in the Queue, where they can be seen. */
  readonly #there = new Set<string>()
  /** The one message that transactions want to acknowledge: by which it was. */
  acknowledgedBy: string | undefined
  /** In memory. */
  #known = new Map<string, Participant>()
  #heldBy: string | undefined
  /** How many more things happen before a crash. */
  fate = Number.POSITIVE_INFINITY

  constructor(name: string, world: World, protocol: Protocol) {
    this.name = name
    this.#world = world
    this.#participate = protocol.participate ?? participate
  }

  get heldBy(): string | undefined {
    return this.#heldBy
  }

  order(tx: string, order: Order): void {
    this.#step(tx, ordered(order, { queue: 0 }))
  }

  get phases(): string[] {
    return [...this.#known.values()].map(({ phase }) => phase)
  }

  tick(): void {
    for (const tx of this.#known.keys()) this.#step(tx, { kind: 'tick' })
  }

  crash(): void {
    this.#known = new Map(this.disk.known)
    this.#heldBy = undefined
    for (const tx of this.staged) if (!this.#known.has(tx)) this.staged.delete(tx)
    for (const tx of this.#known.keys()) this.#step(tx, { kind: 'restart' })
  }

  #happens(): void {
    if (this.fate-- > 0) return
    this.fate = Number.POSITIVE_INFINITY
    throw new Crash()
  }

  #step(tx: string, event: ParticipantEvent): void {
    const { state, write, action, say } = this.#participate(this.#known.get(tx), event)
    if (state !== undefined) this.#known.set(tx, state)
    if (write && state !== undefined) {
      this.#happens()
      this.disk.known.set(tx, state)
      // What is done with leaves the Queue when it is consumed.
      if (state.phase === 'committed') this.#there.delete(tx)
      this.#happens()
    }
    const next = action === undefined ? undefined : this.#act(tx, action)
    if (say !== undefined) {
      this.#happens()
      this.#world.send({ kind: 'word', from: this.name, tx, word: say })
    }
    if (next !== undefined) this.#step(tx, next)
  }

  #act(tx: string, action: 'stage' | 'hold' | 'carryOut' | 'release'): ParticipantEvent | undefined {
    switch (action) {
      case 'stage':
        if (this.acknowledgedBy !== undefined || (this.#heldBy !== undefined && this.#heldBy !== tx))
          return { kind: 'refused', reason: 'settled' }
        this.#heldBy = tx
        this.#happens()
        this.staged.add(tx)
        return { kind: 'staged' }
      case 'hold':
        this.#heldBy = tx
        return undefined
      case 'release':
        if (this.#heldBy === tx) this.#heldBy = undefined
        this.staged.delete(tx)
        return undefined
      case 'carryOut':
        if (!this.#there.has(tx) || this.#world.protocol.looks === false) {
          this.#happens()
          if (!this.staged.has(tx)) this.#world.fail(`${tx} is committed at ${this.name}, and its sends are not staged`)
          this.published.set(tx, (this.published.get(tx) ?? 0) + 1)
          this.#there.add(tx)
        }
        this.#happens()
        if (this.acknowledgedBy !== undefined && this.acknowledgedBy !== tx)
          this.#world.fail(`a message is acknowledged by ${this.acknowledgedBy} and ${tx}`)
        this.acknowledgedBy = tx
        if (this.#heldBy === tx) this.#heldBy = undefined
        this.#happens()
        return { kind: 'carriedOut' }
      default:
        return action satisfies never
    }
  }
}
