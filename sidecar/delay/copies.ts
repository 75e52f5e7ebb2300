import { queueStream } from '../../crds/protocol/subjects.ts'
import { orMissing } from '../jetstream/ensure.ts'
import type { QueueState } from '../queue/state.ts'
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { type Original, originalOf } from './copy.ts'
import type { DelayedStore } from './store.ts'

/** From which distance on a checkpoint is renewed: so many messages are looked through after a crash. */
const CHECKPOINT_EVERY = 5000

/**
 * Copies of delayed messages in the Queue's stream, whose originals may still wait: after a crash between copy and removal they
 * are found above the checkpoint, however long ago that was, as long as nothing left the Queue's stream in between
 * (`QueueState.streamLock`).
 */
export class Copies {
  /** When the delayed stream was created. */
  readonly created: string
  readonly #q: QueueState
  readonly #store: DelayedStore
  #checkpoint: Checkpoint | undefined
  /** A sequence of the Queue's stream at or below which there is no copy whose message is still there. */
  #safe = 0

  constructor(q: QueueState, store: DelayedStore, created: string) {
    this.#q = q
    this.#store = store
    this.created = created
  }

  /** A message was copied to `sequence` of the Queue's stream; its original is removed before the next one is. */
  copied(sequence: number): void {
    this.#safe = Math.max(this.#safe, sequence)
  }

  /** Of a delayed stream that was made just now: there are none. */
  async none(): Promise<void> {
    const { created, state } = await this.#q.js.manager.streams.info(queueStream(this.#q.name))
    this.#safe = state.last_seq
    await this.#write({ created, through: this.#safe })
  }

  /** Removes messages whose copies are in the Queue's stream already. Throws when nats-server does not answer. */
  async removeOriginals(): Promise<void> {
    const { js, name, logger } = this.#q
    const info = await orMissing(js.manager.streams.info(queueStream(name)))
    if (info === undefined) return
    const { created, state } = info
    const checkpoint = await readCheckpoint(js, name)
    // A power cut without sync may have taken the end of the stream; its numbers are given again.
    const after = checkpoint?.created === created ? Math.min(checkpoint.through, state.last_seq) : 0
    let count = 0
    for await (const id of this.#store.headerOf(queueStream(name), after, 'Nats-Msg-Id')) {
      const original = originalOf(id, name, this.created)
      if (original !== undefined && (await this.#remove(original))) count++
    }
    if (count > 0) logger.warn({ count }, 'removed delayed messages that had been moved before')
    this.#safe = state.last_seq
    await this.#write({ created, through: this.#safe })
  }

  async #remove({ sequence, storedAt }: Original): Promise<boolean> {
    const message = await this.#store.read(sequence)
    return message?.time.getTime() === storedAt && (await this.#store.delete(sequence))
  }

  /** To be called before copies are made. */
  async renewCheckpoint(): Promise<void> {
    const { created } = this.#q
    if (this.#checkpoint?.created !== created) return this.removeOriginals()
    if (this.#safe - this.#checkpoint.through >= CHECKPOINT_EVERY) await this.#write({ created, through: this.#safe })
  }

  async #write(checkpoint: Checkpoint): Promise<void> {
    await writeCheckpoint(this.#q.js, this.#q.name, checkpoint)
    this.#checkpoint = checkpoint
  }
}
