import { OPERATION_STREAM, operationSubject } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import { ensureStream, orMissing } from '../jetstream/ensure.ts'
import { lastWordStream, readWords } from '../jetstream/last-word-stream.ts'
import { lastWords, type Progress, progressSchema } from './progress.ts'

const STREAM = lastWordStream(OPERATION_STREAM, operationSubject('*', '*'))

/** How far the operations of a broker are, kept in the broker itself; the last word of each. */
export class OperationStore {
  readonly #js: JetStreamAccess

  private constructor(js: JetStreamAccess) {
    this.#js = js
  }

  static async open(js: JetStreamAccess): Promise<OperationStore> {
    const store = new OperationStore(js)
    await store.ensure()
    return store
  }

  /** Makes the stream, also where somebody deleted it. */
  async ensure(): Promise<void> {
    await ensureStream(this.#js.manager, STREAM)
  }

  /** In the order of their last words. What another version wrote and this one cannot read is left out, and told. */
  async all(onUnreadable: (seq: number) => void): Promise<Progress[]> {
    const { known, leftOver } = lastWords(await readWords(this.#js, OPERATION_STREAM, progressSchema, onUnreadable))
    for (const { queue, id } of leftOver) await this.forget(queue, id)
    return known
  }

  async put(progress: Progress): Promise<void> {
    await this.#js.client.publish(operationSubject(progress.queue, progress.id), JSON.stringify(progress))
  }

  async forget(queue: string, id = '*'): Promise<void> {
    await orMissing(this.#js.manager.streams.purge(OPERATION_STREAM, { filter: operationSubject(queue, id) }))
  }
}
