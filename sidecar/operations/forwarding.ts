import type { Queue } from '../queue/queue.ts'
import type { Progress } from './progress.ts'

/** Dead letters that were left are tried again so often: what kept them may have changed. Milliseconds. */
const AGAIN_MS = 60_000

/** Dead letters whose place is another Queue are moved there by operations that nobody asked for, and that are not told of. */
export const FORWARDING_PREFIX = 'forwarding-'

export const isForwarding = ({ id }: Pick<Progress, 'id'>): boolean => id.startsWith(FORWARDING_PREFIX)

interface Looked {
  /** When the stream of the dead letters was created. */
  readonly created: string
  readonly target: string
  /** Up to here all were moved, or left. */
  readonly through: number
  /** Monotonic milliseconds. */
  readonly at: number
}

/** How far each Queue's dead letters were looked at, so that those that were left are not looked at all the time. */
export class Forwarding {
  readonly #looked = new Map<string, Looked>()

  /** Where to begin; undefined: there is nothing new to look at. @param now monotonic milliseconds */
  from(
    queue: string,
    target: string,
    stream: { readonly created: string; readonly first: number; readonly last: number; readonly messages: number },
    now: number,
  ): number | undefined {
    const { created, first, last, messages } = stream
    if (messages === 0) return undefined
    const looked = this.#looked.get(queue)
    const isKnown = looked?.created === created && looked.target === target && now - looked.at < AGAIN_MS
    const begin = isKnown ? Math.max(first, looked.through + 1) : first
    if (begin > last) return undefined
    this.#looked.set(queue, { created, target, through: last, at: isKnown ? looked.at : now })
    return begin
  }

  forget(queue: string): void {
    this.#looked.delete(queue)
  }
}

/** The Queue that a Queue's dead letters go to; undefined: they stay. */
export const forwardsTo = ({ spec }: Pick<Queue, 'spec'>): string | undefined => spec.deadLetter.queueRef?.name
