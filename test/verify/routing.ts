import type { MessageKey } from './ledger.ts'
import type { VerifierOptions } from './options.ts'

/** Which of the places that a mode orders messages by (keys, levels, sub-queues) each message goes to. */
export interface Routing {
  /** How many there are. */
  readonly routes: number
  /** From 0. The same message always goes to the same one. */
  readonly of: (key: MessageKey) => number
  /** What follows the Queue's subject; undefined: nothing. */
  readonly suffix: (route: number) => string | undefined
}

/** So many of two messages go to the first sub-queue: a busy one, beside which the others must not starve. */
const BUSY_SHARE = 0.5
const TOP_LEVEL = 4

/** A producer has keys of its own, so that the order of publishing is known for each. */
export function routing(
  options: Pick<VerifierOptions, 'mode' | 'producers' | 'keys' | 'levels' | 'subQueues'>,
): Routing {
  const { mode, producers, keys, levels, subQueues } = options
  switch (mode) {
    case 'Fifo':
    case 'Exclusive':
      return { routes: 1, of: () => 0, suffix: () => undefined }
    case 'KeyedFifo':
    case 'Lru':
      return {
        routes: producers * keys,
        of: ({ producer, number }) => producer * keys + Math.floor(scatter(number) * keys),
        suffix: (route) => `k${route}`,
      }
    case 'Priority':
      return { routes: levels, of: (key) => Math.floor(scatter(mix(key)) * levels), suffix: String }
    case 'Hierarchical': {
      const paths = subQueuePaths(subQueues)
      return {
        routes: subQueues,
        of: (key) => busyFirst(scatter(mix(key)), subQueues),
        suffix: (route) => paths[route],
      }
    }
    default:
      return mode satisfies never
  }
}

/** `count` paths of two and three names, in four subtrees. */
export const subQueuePaths = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => {
    const path = `t${index % TOP_LEVEL}.s${Math.floor(index / TOP_LEVEL)}`
    return index % 3 === 2 ? `${path}.d` : path
  })

function busyFirst(at: number, count: number): number {
  if (at < BUSY_SHARE || count === 1) return 0
  return 1 + Math.floor(((at - BUSY_SHARE) / (1 - BUSY_SHARE)) * (count - 1))
}

const mix = ({ producer, number }: MessageKey): number => Math.imul(number, 1021) + producer

/** From 0 up to 1, without a pattern (the finalizer of MurmurHash3), the same for the same number. */
function scatter(number: number): number {
  let hash = number + 1
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}
