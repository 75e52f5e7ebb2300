import { Mutex } from '../mutex.ts'
import type { TransactionRecord } from './record.ts'
import type { StagedSend } from './sends.ts'

/** A transaction that has not come to its end, in memory. */
export interface Entry {
  readonly id: string
  /** One thing at a time. */
  readonly lock: Mutex
  record: TransactionRecord
  /** Of its last word in the log; 0: there is none. */
  sequence: number
  /** Undefined where they are in the log only. */
  sends: StagedSend[] | undefined
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
  /** What it waits for. */
  waitsFor: string | undefined
  /** Whether it came to its end, or never began. */
  isOver: boolean
}

export const newEntry = (id: string, startedAt: number): Entry => ({
  id,
  lock: new Mutex(),
  record: { v: 1, id, startedAt, queues: {}, acks: [] },
  sequence: 0,
  sends: [],
  bytes: 0,
  isStaged: false,
  isDirty: false,
  isLost: false,
  isTried: false,
  carried: new Set(),
  refusedAt: new Map(),
  asks: false,
  waitsFor: undefined,
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
