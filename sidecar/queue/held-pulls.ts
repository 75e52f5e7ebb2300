import { parsePullRequest } from '../wire/pull-request.ts'

/** For more, the oldest are dropped, and their clients ask again. */
const MAX_HELD = 8192

interface Held {
  readonly group: string
  readonly body: Uint8Array
  readonly reply: string
  readonly at: number
}

/** Pulls that cannot be served yet. Times are monotonic milliseconds. */
export class HeldPulls {
  readonly #held: Held[] = []

  hold(group: string, body: Uint8Array, reply: string, now: number): void {
    this.#held.push({ group, body, reply, at: now })
    if (this.#held.length > MAX_HELD) this.#held.shift()
  }

  /** All of them, but those that are over by now. */
  take(now: number): Held[] {
    return this.#held.splice(0).filter(({ body, at }) => {
      const request = parsePullRequest(body)
      return typeof request === 'string' || now - at < (request.expiresMs ?? Number.POSITIVE_INFINITY)
    })
  }
}
