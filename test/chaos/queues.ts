import type { QueueInput } from '../sidecar/harness/api.ts'

export interface ChaosQueue {
  readonly name: string
  readonly spec: QueueInput
  /** After `q.<name>`, for the nth message. */
  readonly rest: (number: number) => string
  /** Whether a message that is given back for long stands in nobody's way. */
  readonly parks: boolean
  /** How long it remembers ids. Milliseconds. */
  readonly windowMs: number
  readonly expires?: boolean
  /** Messages of one pull, where no more than so many can be in flight: it would wait for more. */
  readonly batch?: number
  /** Whether a message that is moved takes the place of itself. */
  readonly replaces?: boolean
  /** Where its dead letters are moved to now and then. */
  readonly movesTo?: string
  /** Whether its messages are, too. */
  readonly movesMessages?: boolean
}

/** The default of a Queue. Milliseconds. */
const WINDOW_MS = 120_000
const RETRY = { visibilityTimeout: '1s', maxAttempts: 4, backoff: { initial: '50ms', max: '500ms' } }

/** One of each mode, one whose messages expire, and one that dead letters are moved to. */
export const QUEUES: readonly ChaosQueue[] = [
  {
    name: 'fifo',
    spec: { retry: RETRY },
    rest: () => '',
    parks: true,
    windowMs: WINDOW_MS,
    movesTo: 'moved',
    movesMessages: true,
  },
  {
    name: 'keyed',
    spec: { retry: RETRY, ordering: { mode: 'KeyedFifo', keyedFifo: { partitions: 8 } } },
    rest: (number) => `.key${number % 20}`,
    parks: false,
    windowMs: WINDOW_MS,
    batch: 4,
  },
  {
    name: 'urgent',
    spec: {
      retry: RETRY,
      ordering: { mode: 'Priority', priority: { levels: 4, defaultLevel: 1 } },
      deadLetter: { queueRef: { name: 'moved' } },
    },
    rest: (number) => `.${number % 4}`,
    parks: true,
    windowMs: WINDOW_MS,
  },
  // A key each, since a newer message takes the place of an older one of its key.
  {
    name: 'touched',
    spec: { retry: RETRY, ordering: { mode: 'Lru' } },
    rest: (number) => `.key${number}`,
    replaces: true,
    windowMs: WINDOW_MS,
    parks: true,
  },
  {
    name: 'tree',
    spec: { retry: RETRY, type: 'Hierarchical' },
    rest: (number) => `.a${number % 3}.b${number % 2}`,
    parks: true,
    windowMs: WINDOW_MS,
  },
  {
    name: 'expiring',
    spec: {
      retry: RETRY,
      retention: { maxAge: '3s', onExpiry: 'DeadLetter' },
      deduplication: { window: '3s' },
    },
    rest: () => '',
    parks: false,
    windowMs: 3000,
    expires: true,
    movesTo: 'moved',
  },
  { name: 'moved', spec: { retry: RETRY }, rest: () => '', parks: true, windowMs: WINDOW_MS },
]
