import type { MessageKey } from './ledger.ts'

/** The newest message of each key, where a newer one takes the place of an older one. Pure. */
export class Newest {
  readonly #byRoute = new Map<number, { readonly key: MessageKey; readonly sequence: number }>()

  /** A PubAck came; which message is known to be replaced by that: the one that was the newest, or this one, or none. */
  stored(route: number, key: MessageKey, sequence: number): MessageKey | undefined {
    const newest = this.#byRoute.get(route)
    if (newest !== undefined && newest.sequence > sequence) return key
    this.#byRoute.set(route, { key, sequence })
    return newest?.key
  }
}
