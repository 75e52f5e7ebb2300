import { JetStreamApiError, type JsMsg } from '@nats-io/jetstream'
import { putSubject, queueStream } from '../../crds/protocol/subjects.ts'
import { ttlLeft } from '../delay/ttl.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { type BatchMessage, isDuplicateInBatch, probe } from '../jetstream/atomic-batch.ts'
import { listHeaders } from '../jetstream/list.ts'
import { storedMessage } from '../jetstream/stored-message.ts'
import { streamShape } from '../lanes/lanes.ts'
import type { Queue } from '../queue/queue.ts'
import { headerValue, TRANSACTION_HEADER } from '../settlement/copied-headers.ts'
import { headerOf, markOf, type StagedSend, storedHeaders } from './sends.ts'
import { whetherStored } from './whether-stored.ts'

/** nats-server's error code for what it could not store, and what it says where that is for lack of room, before it has stored any of it. */
const STORE_FAILED = 10077
const NO_ROOM = /maximum (messages|bytes)/

/** What became of the sends to one Queue. */
export interface CarriedOut {
  readonly first?: number
  readonly last?: number
  readonly duplicates?: number
}

export interface Carrying {
  readonly transaction: string
  /** All to this Queue. */
  readonly sends: readonly StagedSend[]
  /** The last sequence of its stream before; what came after is held. */
  readonly after: number
  /** Since when a `Nats-TTL` may count. Milliseconds since 1970. */
  readonly decidedAt: number
  /** Whether it may have been tried before. */
  readonly again: boolean
}

/** There was no room for the sends: none of them is there, up to the sequence `at`. */
export interface Refused {
  readonly refused: Error
  readonly at: number
}

/** Puts a transaction's sends into their Queue, as one batch; the same again does nothing. Throws where it is not known whether they are there. */
export async function carryOut(js: JetStreamAccess, queue: Queue, carrying: Carrying): Promise<CarriedOut | Refused> {
  try {
    return await tryTo(js, queue, carrying)
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== STORE_FAILED || !NO_ROOM.test(error.message))
      throw error
    const { state } = await js.manager.streams.info(queueStream(queue.name))
    return { refused: error, at: state.last_seq }
  }
}

async function tryTo(js: JetStreamAccess, queue: Queue, carrying: Carrying): Promise<CarriedOut> {
  const { sends, transaction, again } = carrying
  const messages = (): BatchMessage[] =>
    sends.map((send, at) => ({
      subject: putSubject(send.subject),
      headers: storedHeaders(transaction, send, at),
      data: Buffer.from(send.body, 'base64'),
    }))
  const store = (all: () => readonly BatchMessage[]): Promise<number> => queue.sends.store({ messages: all })
  return storeOnce(js, { messages, find: () => find(js, queue, carrying), store }, again)
}

/** A stream in which sends are to be, once. */
export interface Place<Message extends BatchMessage> {
  /** Made anew each time: a try leaves headers of its own in them. */
  readonly messages: () => readonly Message[]
  /** Where they are, or that they were there; undefined: they never were. */
  readonly find: () => Promise<CarriedOut | undefined>
  /** As `publishBatch` does it. */
  readonly store: (messages: () => readonly Message[]) => Promise<number>
}

/** Puts messages there, as one batch; the same again does nothing. @param again whether it may have been tried before */
export async function storeOnce<Message extends BatchMessage>(
  js: JetStreamAccess,
  place: Place<Message>,
  again: boolean,
): Promise<CarriedOut> {
  const all = place.messages()
  const [some] = all
  if (some === undefined) return {}
  const store = async (count: number, messages: () => readonly Message[]): Promise<CarriedOut> => {
    if (count === 0) return {}
    const last = await place.store(messages)
    return { first: last - count + 1, last }
  }
  if (again) {
    await probe(js, some.subject)
    const found = await place.find()
    if (found !== undefined) return found
  }
  try {
    return await store(all.length, place.messages)
  } catch (error) {
    if (!isDuplicateInBatch(error)) throw error
  }
  // By an earlier try of ours, or by somebody else's publish since the transaction was prepared.
  const found = await place.find()
  if (found !== undefined) return found
  const fresh = new Set<number>()
  for (const [at, message] of all.entries()) {
    if ((await probe(js, message.subject, message.headers.get('Nats-Msg-Id'))) === undefined) fresh.add(at)
  }
  const stored = await store(fresh.size, () => place.messages().filter((_, at) => fresh.has(at)))
  return { ...stored, duplicates: all.length - fresh.size }
}

/** Whether they are there, or were; undefined: they never were. */
async function find(js: JetStreamAccess, queue: Queue, carrying: Carrying): Promise<CarriedOut | undefined> {
  const { transaction, sends, after, decidedAt } = carrying
  const mark = markOf(transaction, queue.name)
  const stream = queueStream(queue.name)
  const bySubject = new Map<string, number>()
  const mine: number[] = []
  for await (const message of listHeaders(js, stream, '>', after)) {
    bySubject.set(message.subject, (bySubject.get(message.subject) ?? 0) + 1)
    if ((await transactionOf(js, stream, message)) === mark) mine.push(message.seq)
  }
  const [first] = mine
  if (first !== undefined) return { first, last: Math.max(...mine) }
  const { state } = await js.manager.streams.info(stream)
  const since = Date.now() - decidedAt
  const wanted = sends.map((send) => {
    const ttl = headerOf(send, 'Nats-TTL')
    return { subject: send.subject, isOver: ttl !== undefined && ttlLeft(ttl, since) === undefined }
  })
  const { maxPerSubject } = streamShape(queue.name, queue.spec)
  const above = { after, first: state.first_seq, last: state.last_seq, bySubject, maxPerSubject }
  return whetherStored(wanted, above) === 'gone' ? {} : undefined
}

/** The client library refuses to read headers whose keys it would not write. */
async function transactionOf(js: JetStreamAccess, stream: string, message: JsMsg): Promise<string | undefined> {
  try {
    return message.headers?.get(TRANSACTION_HEADER) || undefined
  } catch {
    const own = (await storedMessage(js, stream, message.seq))?.headers ?? []
    return headerValue(own, TRANSACTION_HEADER)
  }
}
