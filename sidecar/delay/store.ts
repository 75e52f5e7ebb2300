import { JetStreamApiError, type JsMsg, type StreamInfo } from '@nats-io/jetstream'
import { z } from 'zod'
import type { QueueSpec } from '../../crds/index.ts'
import { delayedStream } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { wantedDelayedStream } from '../jetstream/desired.ts'
import { type Ensured, ensureStream, isMissing, orMissing } from '../jetstream/ensure.ts'
import { headerReader } from '../jetstream/header-reader.ts'
import { listHeaders } from '../jetstream/list.ts'
import { apiRequest } from '../jetstream/request.ts'
import { type StoredMessage, storedMessage } from '../jetstream/stored-message.ts'
import { storedHeader } from './headers.ts'
import { allSlots, parseSlot, slotStart, slotSubject } from './slot.ts'

const subjectsSchema = z.object({
  total: z.int().default(0),
  state: z.object({ subjects: z.record(z.string(), z.int()).optional() }).optional(),
})

/** A message of the delayed stream, without its body. */
export interface Listed {
  readonly sequence: number
  readonly due: number
  /** Set where it waits out a backoff. */
  readonly parked: Parked | undefined
}

/** The message of the Queue that waits out a backoff. */
export interface Parked {
  readonly sequence: number
  /** When the Queue's stream was created. */
  readonly created: string
  /** When it was stored there; milliseconds since 1970. */
  readonly storedAt: number
  readonly subject: string
}

/** The delayed stream of a Queue: made when it is needed first. */
export class DelayedStore {
  readonly #js: JetStreamAccess
  readonly #queue: string
  readonly #stream: string

  constructor(js: JetStreamAccess, queue: string) {
    this.#js = js
    this.#queue = queue
    this.#stream = delayedStream(queue)
  }

  info(): Promise<StreamInfo | undefined> {
    return orMissing(this.#js.manager.streams.info(this.#stream))
  }

  ensure(spec: QueueSpec): Promise<Ensured<StreamInfo>> {
    return ensureStream(this.#js.manager, wantedDelayedStream(this.#queue, spec))
  }

  read(sequence: number): Promise<StoredMessage | undefined> {
    return storedMessage(this.#js, this.#stream, sequence)
  }

  /** False when it was not there. */
  async delete(sequence: number): Promise<boolean> {
    try {
      return await this.#js.manager.streams.deleteMessage(this.#stream, sequence, false)
    } catch (error) {
      if (isMissing(error)) return false
      // nats-server does not always tell a message that is gone from one that it could not remove.
      if (error instanceof JetStreamApiError && (await this.read(sequence)) === undefined) return false
      throw error
    }
  }

  /** Removes the messages of a slot up to a sequence. */
  async purge(slot: number, through: number): Promise<void> {
    const filter = slotSubject(this.#queue, slot)
    await orMissing(this.#js.manager.streams.purge(this.#stream, { filter, seq: through + 1 }))
  }

  /**
   * The slots that have messages, of those that `filter` names. Asked page by page: all of them together may be more than fit
   * into memory.
   */
  async *slots(filter: string): AsyncGenerator<number, void, undefined> {
    for (let offset = 0, total = 1; offset < total; ) {
      const request = { subjects_filter: filter, offset }
      const { state, total: all } = await apiRequest(this.#js, `STREAM.INFO.${this.#stream}`, request, subjectsSchema)
      const subjects = Object.keys(state?.subjects ?? {})
      if (subjects.length === 0) return
      for (const subject of subjects) {
        const slot = parseSlot(subject)
        if (slot !== undefined) yield slot
      }
      offset += subjects.length
      total = all
    }
  }

  /** The messages of a slot above `after`, in the order of sequences. */
  async slot(slot: number, after: number, limit: number): Promise<{ messages: Listed[]; complete: boolean }> {
    const messages: Listed[] = []
    for await (const message of listHeaders(this.#js, this.#stream, slotSubject(this.#queue, slot), after)) {
      messages.push(await this.#listed(message, slot))
      if (messages.length >= limit) return { messages, complete: false }
    }
    return { messages, complete: true }
  }

  /** Every message above `after` that is there now. */
  async *above(after: number, filter: string): AsyncGenerator<Listed, void, undefined> {
    for await (const message of listHeaders(this.#js, this.#stream, filter, after)) {
      yield this.#listed(message, parseSlot(message.subject) ?? 0)
    }
  }

  /** The value of a header of each message of a stream above `after`. */
  async *headerOf(stream: string, after: number, name: string): AsyncGenerator<string, void, undefined> {
    for await (const message of listHeaders(this.#js, stream, '>', after)) {
      const value = (await headerReader(this.#js, stream, message))(name)
      if (value !== undefined) yield value
    }
  }

  /** Of the messages above `after` that a transaction sent, in order. */
  async sequencesOf(transaction: string, after: number): Promise<number[]> {
    const found: number[] = []
    for await (const message of listHeaders(this.#js, this.#stream, allSlots(this.#queue), after)) {
      const header = await headerReader(this.#js, this.#stream, message)
      if (header(storedHeader.transaction) === transaction) found.push(message.seq)
    }
    return found
  }

  async #listed(message: JsMsg, slot: number): Promise<Listed> {
    const header = await headerReader(this.#js, this.#stream, message)
    const due = Number(header(storedHeader.due))
    return {
      sequence: message.seq,
      due: Number.isSafeInteger(due) && due > 0 ? due : slotStart(slot),
      parked: parseParked(header(storedHeader.parked), header(storedHeader.subject)),
    }
  }
}

/** `<sequence> <created> <stored at>` */
export function parseParked(text: string | undefined, subject: string | undefined): Parked | undefined {
  const [sequence = '', created = '', storedAt = ''] = text?.split(' ') ?? []
  return subject === undefined || !/^[1-9]\d*$/.test(sequence)
    ? undefined
    : { sequence: Number(sequence), created, storedAt: Number(storedAt), subject }
}
