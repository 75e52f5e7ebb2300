import { Mutex } from '../mutex.ts'
import type { Order } from './coordinator.ts'
import type { TransactionRecord } from './record.ts'
import type { StagedSend } from './sends.ts'

/** What a participant on another broker is asked, or its coordinator. */
export interface Call {
  readonly asks: Order | 'ask'
  readonly over: Promise<void>
}

/** What a transaction sends to Queues of another broker, and acknowledges there. */
export interface OtherContent {
  readonly sends: readonly StagedSend[]
  readonly acks: readonly string[]
}

/** A transaction that has not come to its end, in memory. */
export interface Entry {
  readonly id: string
  /** One thing at a time. */
  readonly lock: Mutex
  record: TransactionRecord
  /** Of its last word in the log; 0: there is none. */
  sequence: number
  /** Once it is prepared, those to this broker's Queues. Undefined where they are in the log only. */
  sends: StagedSend[] | undefined
  /** By broker, until they are prepared there. */
  others: ReadonlyMap<string, OtherContent>
  /** What is to be sent to other brokers once the record is written. */
  orders: Array<{ readonly to: string; readonly order: Order }>
  /** By broker. */
  readonly calls: Map<string, Call>
  /** Whether its coordinator, on another broker, said that it has it in doubt. */
  isInDoubtThere: boolean
  /** When its coordinator may be asked again what is decided. Monotonic milliseconds. */
  asksAgainAt: number
  /** Told whenever anything happened to it. */
  readonly watchers: Set<() => void>
  bytes: number
  /** Whether the sends are in the log. */
  isStaged: boolean
  /** Whether the record in memory has to be written before anybody hears of it. */
  isDirty: boolean
  /** Whether a write failed, so that the log has to be asked what is on record. */
  isLost: boolean
  /** Whether it may have been tried to carry it out. */
  isTried: boolean
  /** Queues in which it is carried out. */
  readonly carried: Set<string>
  /** Queues that have refused it, and the last sequence of their streams then. */
  readonly refusedAt: Map<string, number>
  /** Whether its producer is to be asked, once that is on record. */
  asks: boolean
  /** What it waits for, by who that is: a participant, the coordinator, or its producer. */
  readonly waits: Map<string, string>
  /** Whether it came to its end, or never began. */
  isOver: boolean
}

export const newEntry = (id: string, startedAt: number): Entry => ({
  id,
  lock: new Mutex(),
  record: { v: 1, id, startedAt, queues: {}, others: {}, acks: [] },
  sequence: 0,
  sends: [],
  others: new Map(),
  orders: [],
  calls: new Map(),
  isInDoubtThere: false,
  asksAgainAt: 0,
  watchers: new Set(),
  bytes: 0,
  isStaged: false,
  isDirty: false,
  isLost: false,
  isTried: false,
  carried: new Set(),
  refusedAt: new Map(),
  asks: false,
  waits: new Map(),
  isOver: false,
})

/** As it is on record. */
export const loadedEntry = (record: TransactionRecord, sequence: number): Entry => ({
  ...newEntry(record.id, record.startedAt),
  record,
  sequence,
  sends: undefined,
  isStaged: true,
  isTried: true,
})

export const waitsFor = ({ waits }: Entry): string | undefined => waits.values().next().value
