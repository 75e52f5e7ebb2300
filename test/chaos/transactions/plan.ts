import type { QueueInput } from '../../sidecar/harness/api.ts'
import { pick, type Random } from '../random.ts'

/** So short that what makes a second try harmless is not deduplication, once a crash lasts longer. Milliseconds. */
export const WINDOW_MS = 2000
/** Of a transaction whose client leaves it; past it, it is aborted. Milliseconds. */
export const TIMEOUT_MS = 3000
/** What comes later does so within this: many a kill comes in between. Milliseconds. */
const LATER_MS = 3000

const SPEC = {
  deduplication: { window: `${WINDOW_MS}ms` },
  retry: { visibilityTimeout: '2s', maxAttempts: 0, backoff: { initial: '20ms', max: '200ms' } },
}

export interface ChaosTxQueue {
  readonly name: string
  readonly spec: QueueInput
  /** After `q.<name>.`, for the nth message. */
  readonly rest: (number: number) => string
  /** Messages of one pull. */
  readonly batch: number
}

export const TX_QUEUES: readonly ChaosTxQueue[] = [
  { name: 'fifo', spec: SPEC, rest: () => '', batch: 20 },
  {
    name: 'keyed',
    spec: { ...SPEC, ordering: { mode: 'KeyedFifo', keyedFifo: { partitions: 8 } } },
    rest: (number) => `key${number % 20}`,
    batch: 4,
  },
  {
    name: 'urgent',
    spec: { ...SPEC, ordering: { mode: 'Priority', priority: { levels: 4, defaultLevel: 1 } } },
    rest: (number) => String(number % 4),
    batch: 20,
  },
]

/** Of so many brokers; a Queue's, and who coordinates a transaction, by its number. */
export const brokerNames = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `broker-${index}`)
export const keeperOf = (queue: string, brokers: number): string =>
  `broker-${TX_QUEUES.findIndex(({ name }) => name === queue) % brokers}`
export const coordinatorOf = (id: string, brokers: number): string => `broker-${numberOf(id) % brokers}`

const numberOf = (id: string): number => Number(id.slice(1))

/** How a client goes about a transaction. `leave…`: it is never heard of again; `leaveAsked`: and is asked what is to become of it. */
export type Course = 'atOnce' | 'steps' | 'prepared' | 'abort' | 'leave' | 'leavePrepared' | 'leaveAsked'

export interface PlannedSend {
  readonly queue: string
  readonly rest: string
  readonly body: string
  /** Of one that comes later. */
  readonly headers?: { readonly 'Pillion-Delay': string }
}

/** How long after the commit it comes. Milliseconds. */
export const delayOf = ({ headers }: PlannedSend): number => Number.parseInt(headers?.['Pillion-Delay'] ?? '0', 10)

export interface Plan {
  readonly id: string
  readonly course: Course
  readonly sends: readonly PlannedSend[]
  /** From where it consumes, and how many messages. */
  readonly from: string
  readonly acks: number
}

const COURSES = [
  [44, 'atOnce'],
  [18, 'steps'],
  [18, 'prepared'],
  [6, 'abort'],
  [4, 'leave'],
  [4, 'leavePrepared'],
  [6, 'leaveAsked'],
] as const

const anyQueue = (random: Random): ChaosTxQueue =>
  pick(
    random,
    TX_QUEUES.map((queue) => [1, queue] as const),
  )

/** Where clients that prepared a transaction and are gone are asked. */
export const CHECK_BACK = { subject: 'pillion.check.chaos', firstAfter: '1s', interval: '1s', limit: 1000 }

/** What is said when it is asked for the nth time, from 1: now and then that it is not known yet. */
export function answerOf(id: string, asked: number): 'commit' | 'abort' | 'unknown' {
  const number = numberOf(id)
  if (asked === 1 && number % 4 === 0) return 'unknown'
  return wishOf(id) === 'Committed' ? 'commit' : 'abort'
}

/** How a transaction that is asked about is to end. */
export const wishOf = (id: string): 'Committed' | 'Aborted' => (numberOf(id) % 3 === 0 ? 'Aborted' : 'Committed')

/** The nth transaction: two or three sends to Queues that need not differ, some of which come later, and up to two acknowledgements. */
export function planned(number: number, random: Random): Plan {
  const id = `t${number}`
  const course = pick(random, COURSES)
  const count = 2 + Math.floor(random() * 2)
  const sends = Array.from({ length: count }, (_, at) => {
    const { name, rest } = anyQueue(random)
    const send = { queue: name, rest: rest(Math.floor(random() * 1000)), body: `${id}/${at}` }
    const isLater = random() < 1 / 4
    return isLater ? { ...send, headers: { 'Pillion-Delay': `${Math.floor(random() * LATER_MS)}ms` } } : send
  })
  return { id, course, sends, from: anyQueue(random).name, acks: Math.floor(random() * 3) }
}
