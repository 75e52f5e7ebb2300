import { MsgHdrsImpl } from '@nats-io/transport-node'
import { z } from 'zod'
import {
  ENDED_TRANSACTION_STREAM,
  endedTransactionSubject,
  stagedSubject,
  TRANSACTION_STREAM,
  transactionSubject,
} from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { type BatchMessage, probe } from '../jetstream/atomic-batch.ts'
import type { WantedStream } from '../jetstream/desired.ts'
import { ensureStream, orMissing } from '../jetstream/ensure.ts'
import { lastWordStream } from '../jetstream/last-word-stream.ts'
import { SharedBatches } from '../jetstream/shared-batches.ts'
import { lastOf, nextOf, type StoredMessage } from '../jetstream/stored-message.ts'
import { recordSchema, type TransactionRecord } from './record.ts'
import { jsonOf } from '../wire/json.ts'
import type { StagedSend } from './sends.ts'

/** Ended transactions are remembered for a day, the newest of them. Nanoseconds. */
const REMEMBERED_NS = 24 * 3600 * 1e9
const REMEMBERED = 100_000

const OPEN: WantedStream = {
  ...lastWordStream(TRANSACTION_STREAM, transactionSubject('*'), stagedSubject('*')),
  allow_rollup_hdrs: false,
  allow_atomic: true,
  allow_msg_ttl: true,
}
const ENDED: WantedStream = {
  ...lastWordStream(ENDED_TRANSACTION_STREAM, endedTransactionSubject('*')),
  allow_rollup_hdrs: false,
  allow_atomic: true,
  max_msgs: REMEMBERED,
  max_age: REMEMBERED_NS,
}

const stagedSchema = z.array(
  z.object({
    queue: z.string(),
    subject: z.string(),
    headers: z.array(z.tuple([z.string(), z.string()])),
    body: z.string(),
  }),
)

/** A record as it is stored. */
export interface Logged {
  readonly record: TransactionRecord
  readonly sequence: number
}

/** The transactions of a broker, kept in the broker itself. */
export class TransactionLog {
  readonly #js: JetStreamAccess
  readonly #open: SharedBatches
  readonly #ended: SharedBatches

  constructor(js: JetStreamAccess) {
    this.#js = js
    this.#open = new SharedBatches(js)
    this.#ended = new SharedBatches(js)
  }

  /** Makes the streams, also where somebody deleted them. */
  async ensure(): Promise<void> {
    await ensureStream(this.#js.manager, OPEN)
    await ensureStream(this.#js.manager, ENDED)
  }

  /** What has not come to its end. What another version wrote and this one cannot read is left as it is, and told. */
  async all(onUnreadable: (id: string) => void): Promise<Logged[]> {
    const found: Logged[] = []
    for (let next = 1; ; ) {
      const message = await nextOf(this.#js, TRANSACTION_STREAM, transactionSubject('*'), next)
      if (message === undefined) return found
      next = message.seq + 1
      if (isCleared(message)) continue
      const logged = read(message)
      if (logged === undefined) onUnreadable(message.subject.slice(transactionSubject('').length))
      else found.push(logged)
    }
  }

  /** Removes what was staged before a crash and is of no transaction on record. @param known those that are */
  async clearOrphans(known: ReadonlySet<string>): Promise<void> {
    for (let next = 1; ; ) {
      const message = await nextOf(this.#js, TRANSACTION_STREAM, stagedSubject('*'), next)
      if (message === undefined) return
      next = message.seq + 1
      const id = message.subject.slice(stagedSubject('').length)
      if (!known.has(id) && !isCleared(message)) await this.remove(id)
    }
  }

  /** Those of which anything is in the log, at their end or not. */
  async ids(): Promise<Set<string>> {
    const { state } = await this.#js.manager.streams.info(TRANSACTION_STREAM, { subjects_filter: '>' })
    const prefixes = [transactionSubject(''), stagedSubject('')]
    return new Set(
      Object.keys(state.subjects ?? {}).flatMap((subject) =>
        prefixes.filter((prefix) => subject.startsWith(prefix)).map((prefix) => subject.slice(prefix.length)),
      ),
    )
  }

  /** What is on record of one that has not ended, when everything that was written before has come to its end. */
  async reload(id: string): Promise<Logged | undefined> {
    await probe(this.#js, transactionSubject(id))
    const message = await lastOf(this.#js, TRANSACTION_STREAM, transactionSubject(id))
    return message === undefined || isCleared(message) ? undefined : read(message)
  }

  async ended(id: string): Promise<TransactionRecord | undefined> {
    const message = await lastOf(this.#js, ENDED_TRANSACTION_STREAM, endedTransactionSubject(id))
    return message === undefined ? undefined : read(message)?.record
  }

  /**
   * Puts the next word of a transaction on record, by compare-and-set, and before it what it sends; throws where another word came in between,
   * or it is not known whether it is stored.
   *
   * @param expected the sequence of its last word; 0: there is none
   * @returns the sequence of this one
   */
  async put(record: TransactionRecord, expected: number, sends?: string): Promise<number> {
    const data = JSON.stringify(record)
    const messages = (): BatchMessage[] => {
      const headers = new MsgHdrsImpl()
      headers.set('Nats-Expected-Last-Subject-Sequence', String(expected))
      const word = { subject: transactionSubject(record.id), headers, data }
      // Before the word that needs them.
      return sends === undefined
        ? [word]
        : [{ subject: stagedSubject(record.id), headers: new MsgHdrsImpl(), data: sends }, word]
    }
    return this.#open.store({ messages, inOrder: true })
  }

  /** Throws where they are gone. */
  async sends(id: string): Promise<StagedSend[]> {
    const message = await lastOf(this.#js, TRANSACTION_STREAM, stagedSubject(id))
    if (message === undefined) throw new Error(`what transaction ${id} sends is gone from ${TRANSACTION_STREAM}`)
    return stagedSchema.parse(JSON.parse(Buffer.from(message.data).toString()))
  }

  /** Remembers how it ended. */
  async end(record: TransactionRecord): Promise<void> {
    const data = JSON.stringify(record)
    const subject = endedTransactionSubject(record.id)
    await this.#ended.store({ messages: () => [{ subject, headers: new MsgHdrsImpl(), data }] })
  }

  /** Of those whose end is remembered: a word that says nothing takes the place of each that they left, and goes by itself. */
  async clear(ids: readonly string[]): Promise<void> {
    const messagesOf = (id: string): BatchMessage[] =>
      this.#subjectsOf(id).map((subject) => ({ subject, headers: goes(), data: '' }))
    await Promise.all(ids.map((id) => this.#open.store({ messages: () => messagesOf(id), inOrder: true })))
  }

  /** Of one that nothing is remembered of, so that its id can be used at once. */
  async remove(id: string): Promise<void> {
    for (const filter of this.#subjectsOf(id))
      await orMissing(this.#js.manager.streams.purge(TRANSACTION_STREAM, { filter }))
  }

  /** First what needs the other to be understood. */
  #subjectsOf(id: string): string[] {
    return [stagedSubject(id), transactionSubject(id)]
  }
}

/** Of a transaction that has ended; see `clear`. */
const isCleared = ({ data }: StoredMessage): boolean => data.length === 0

/** As soon as nats-server lets it. */
function goes(): MsgHdrsImpl {
  const headers = new MsgHdrsImpl()
  headers.set('Nats-TTL', '1s')
  return headers
}

function read({ data, seq }: StoredMessage): Logged | undefined {
  const parsed = recordSchema.safeParse(jsonOf(Buffer.from(data).toString()))
  return parsed.success ? { record: parsed.data, sequence: seq } : undefined
}
