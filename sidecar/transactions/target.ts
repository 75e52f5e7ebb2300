import { delayHeader } from '../delay/headers.ts'

/**
 * Where a send goes: into its Queue, or to what waits there for its time. Each is a stream, and what a transaction sends there is one batch. A
 * target is called `orders` or `delay.orders`, as in the subjects that a client publishes to; no Queue has a dot in its name.
 */

const LATER = 'delay.'
const TIMES: readonly string[] = [delayHeader.delay, delayHeader.at].map((name) => name.toLowerCase())

export const isLater = (target: string): boolean => target.startsWith(LATER)
export const laterTarget = (queue: string): string => `${LATER}${queue}`
export const queueOf = (target: string): string => (isLater(target) ? target.slice(LATER.length) : target)

interface Send {
  readonly queue: string
  readonly headers: ReadonlyArray<readonly [key: string, value: string]>
}

export const targetOf = ({ queue, headers }: Send): string =>
  headers.some(([key]) => TIMES.includes(key.toLowerCase())) ? laterTarget(queue) : queue
