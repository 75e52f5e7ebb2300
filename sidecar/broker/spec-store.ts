import { z } from 'zod'
import { parseQueueSpec, type QueueSpec } from '../../crds/index.ts'
import { SPEC_STREAM, specSubject } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import type { Correction } from '../../crds/protocol/api.ts'
import { ensureStream, GONE } from '../jetstream/ensure.ts'
import { lastWordStream } from '../jetstream/last-word-stream.ts'
import { readAll } from '../jetstream/read.ts'

export interface StoredQueue {
  readonly name: string
  readonly generation: number
  readonly spec: QueueSpec
}

const storedSchema = z.object({ name: z.string(), generation: z.int().min(0), spec: z.unknown() })
const READ_BATCH = 256
const STREAM = lastWordStream(SPEC_STREAM, specSubject('*'))

/** The specs of a broker's Queues, kept in the broker itself, so that it restarts without the operator. */
export class SpecStore {
  readonly #js: JetStreamAccess

  private constructor(js: JetStreamAccess) {
    this.#js = js
  }

  static async open(js: JetStreamAccess): Promise<SpecStore> {
    await ensureStream(js.manager, STREAM)
    return new SpecStore(js)
  }

  /** Throws when what is stored cannot be read: a Queue is never left out silently. */
  async all(): Promise<StoredQueue[]> {
    const { state } = await this.#js.manager.streams.info(SPEC_STREAM)
    const stored: StoredQueue[] = []
    const { first_seq: first, last_seq: last } = state
    for await (const message of readAll(this.#js, SPEC_STREAM, { first, last, batch: READ_BATCH })) {
      stored.push(readStored(message.json()))
    }
    return stored
  }

  /** Stores a spec; returns what had to be put right for that. A stream that was gone gets each spec again by its next PUT. */
  async put(queue: StoredQueue): Promise<Correction[]> {
    const { created, changed } = await ensureStream(this.#js.manager, STREAM)
    await this.#js.client.publish(specSubject(queue.name), JSON.stringify(queue))
    if (created) return [{ object: `stream ${SPEC_STREAM}`, message: GONE }]
    return changed === undefined ? [] : [changed]
  }

  async delete(name: string): Promise<void> {
    await this.#js.manager.streams.purge(SPEC_STREAM, { filter: specSubject(name) })
  }
}

function readStored(json: unknown): StoredQueue {
  const { name, generation, spec } = storedSchema.parse(json)
  const parsed = parseQueueSpec(spec)
  if (parsed.ok) return { name, generation, spec: parsed.value }
  const problems = parsed.problems.map(({ field, message }) => `${field}: ${message}`).join('; ')
  throw new Error(`the stored spec of queue ${name} is not valid in this version: ${problems}`)
}
