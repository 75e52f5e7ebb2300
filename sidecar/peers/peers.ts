import { type Peers as Told, type PeersKnown, peersDigest, peersSchema } from '../../crds/protocol/peers.ts'
import { parseRequest } from '../wire/parse-request.ts'
import { type SidecarAccess, SidecarFailure } from './ask-sidecar.ts'

const UNTOLD = 'this broker waits to be told of the other brokers of its namespace'

/** The other brokers of the namespace, as this one was told of them last; in memory only. */
export class Peers {
  readonly #areTold: boolean
  #told: Told | undefined

  /** @param areTold whether somebody tells a broker that was started of the others, as the operator does; false: embedded mode */
  constructor(areTold: boolean) {
    this.#areTold = areTold
  }

  /** Takes the place of what was told before. Throws SidecarError InvalidParameter. */
  tell(input: unknown): PeersKnown {
    this.#told = parseRequest(peersSchema, input)
    return this.known
  }

  get known(): PeersKnown {
    return this.#told === undefined ? {} : { digest: peersDigest(this.#told) }
  }

  /** Whether it will be told of others, and was not since it started: what it does not know yet, one of them may have. */
  get areAwaited(): boolean {
    return this.#areTold && this.#told === undefined
  }

  /** This broker's own name; undefined: it was not told yet. */
  get self(): string | undefined {
    return this.#told?.self
  }

  /** The same. Throws SidecarFailure where it was not told it. */
  get ownName(): string {
    if (this.#told === undefined) throw new SidecarFailure(UNTOLD)
    return this.#told.self
  }

  /** The broker that keeps a Queue; undefined: none of those that this one was told of. */
  keeperOf(queue: string): string | undefined {
    const { self, brokers = [] } = this.#told ?? {}
    return brokers.find(({ name, queues }) => name !== self && queues.includes(queue))?.name
  }

  /** Whether it was told of the others, and this is none of them. */
  isGone(broker: string): boolean {
    return this.#told !== undefined && !this.#told.brokers.some(({ name }) => name === broker)
  }

  /** Throws SidecarFailure where it was not told of it. */
  access(broker: string): SidecarAccess {
    const { self, brokers = [] } = this.#told ?? {}
    const found = brokers.find(({ name }) => name === broker)
    if (found !== undefined && broker !== self) return found
    throw this.#told === undefined
      ? new SidecarFailure(UNTOLD)
      : new SidecarFailure(`there is no broker ${broker} among those that this broker was told of`)
  }
}
