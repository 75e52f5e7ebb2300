import type { Copied, CopyBatch } from '../../../crds/protocol/copies.ts'
import { COPY_STREAM, copySubject } from '../../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../../jetstream/access.ts'
import { ensureStream, orMissing } from '../../jetstream/ensure.ts'
import { lastWordStream, readWords } from '../../jetstream/last-word-stream.ts'
import { Mutex } from '../../mutex.ts'
import type { Queue } from '../../queue/queue.ts'
import { SidecarError } from '../../sidecar-error.ts'
import { copyTo, findCopies } from '../transfer.ts'
import { type Incoming, incomingSchema, lastOfEach } from './record.ts'

const STREAM = lastWordStream(COPY_STREAM, copySubject('*', '*'))

/** Copies that are made here of the messages of other brokers, and which of them were. */
export class IncomingCopies {
  readonly #js: JetStreamAccess
  readonly #known = new Map<string, Incoming>()
  readonly #mutex = new Mutex()

  private constructor(js: JetStreamAccess) {
    this.#js = js
  }

  /** Finds out what of open batches was done. To be called before the Queues are started, which would let go of copies that were consumed. */
  static async open(js: JetStreamAccess, onUnreadable: (seq: number) => void): Promise<IncomingCopies> {
    const copies = new IncomingCopies(js)
    await ensureStream(js.manager, STREAM)
    const words = await readWords(js, COPY_STREAM, incomingSchema, onUnreadable)
    for (const word of lastOfEach(words)) {
      copies.#known.set(keyOf(word.queue, word.id), word)
      await copies.#close(word)
    }
    return copies
  }

  /** Makes a batch of copies. Throws SidecarError BatchClosed. */
  copy(queue: Queue, id: string, batch: number, { origin, messages }: CopyBatch): Promise<Copied[]> {
    return this.#mutex.run(async () => {
      const before = this.#known.get(keyOf(queue.name, id))
      if (before !== undefined && before.batch >= batch) {
        throw new SidecarError('BatchClosed', `batch ${batch} of operation ${id} was dealt with; ask what became of it`)
      }
      const sequences = messages.map(({ sequence }) => sequence)
      try {
        const after = await queue.holds.hold(holder(id))
        await this.#put({ queue: queue.name, id, batch, state: { kind: 'open', origin, sequences, after } })
      } catch (error) {
        queue.holds.release(holder(id))
        throw error
      }
      const results = await Promise.all(
        messages.map(({ sequence, subject, time, headers, data }) => {
          const bytes = Buffer.from(data, 'base64')
          const stored = { seq: sequence, subject, time: new Date(time), headers, headerBytes: 0, data: bytes }
          return copyTo(this.#js, queue, origin, stored, subject)
        }),
      )
      const isKnown = results.every(({ kind }) => kind !== 'later')
      if (isKnown)
        await this.#closed(
          queue.name,
          id,
          batch,
          sequences.filter((_, at) => results[at]?.kind === 'copied'),
        )
      else await this.#close(this.#known.get(keyOf(queue.name, id)))
      queue.holds.release(holder(id))
      return results
    })
  }

  /** The sequences of a batch that there are copies of; from now on none of it is made any more. */
  find(queue: Queue, id: string, batch: number): Promise<number[]> {
    return this.#mutex.run(async () => {
      const known = this.#known.get(keyOf(queue.name, id))
      if (known !== undefined && known.batch > batch) {
        throw new SidecarError('BatchClosed', `batch ${batch} of operation ${id} is forgotten; a later one came`)
      }
      if (known === undefined || known.batch < batch) await this.#closed(queue.name, id, batch, [])
      else await this.#close(known)
      queue.holds.release(holder(id))
      const { state } = this.#known.get(keyOf(queue.name, id)) ?? {}
      return state?.kind === 'closed' ? state.copied : []
    })
  }

  /** The operation has ended. */
  forget(queue: string, id: string): Promise<void> {
    return this.#mutex.run(async () => {
      this.#known.delete(keyOf(queue, id))
      await orMissing(this.#js.manager.streams.purge(COPY_STREAM, { filter: copySubject(queue, id) }))
    })
  }

  /** The Queue is deleted, and its copies with it. */
  forgetQueue(queue: string): Promise<void> {
    for (const [key, known] of this.#known) if (known.queue === queue) this.#known.delete(key)
    return this.forget(queue, '*')
  }

  async #close(known: Incoming | undefined): Promise<void> {
    if (known?.state.kind !== 'open') return
    const { queue, id, batch, state } = known
    await this.#closed(queue, id, batch, await findCopies(this.#js, state.origin, queue, state))
  }

  #closed(queue: string, id: string, batch: number, copied: number[]): Promise<void> {
    return this.#put({ queue, id, batch, state: { kind: 'closed', copied } })
  }

  async #put(word: Incoming): Promise<void> {
    await this.#js.client.publish(copySubject(word.queue, word.id), JSON.stringify(word))
    this.#known.set(keyOf(word.queue, word.id), word)
  }
}

const keyOf = (queue: string, id: string): string => `${queue} ${id}`
/** Operations of this broker hold by their ids alone. */
const holder = (id: string): string => `incoming ${id}`
