import { type DirectBatchOptions, JetStreamError, type StoredMsg } from '@nats-io/jetstream'
import type { JetStreamAccess } from './access.ts'

const NOT_FOUND = 404

/** Messages by direct get, oldest first; none where nats-server says that there is none. */
export async function* readBatch(
  js: JetStreamAccess,
  stream: string,
  from: DirectBatchOptions,
): AsyncGenerator<StoredMsg, void, undefined> {
  try {
    yield* await js.manager.direct.getBatch(stream, from)
  } catch (error) {
    if (!(error instanceof JetStreamError && 'code' in error && error.code === NOT_FOUND)) throw error
  }
}

/** Every message of a stream from `first` to `last`, in batches. */
export async function* readAll(
  js: JetStreamAccess,
  stream: string,
  { first, last, batch }: { first: number; last: number; batch: number },
): AsyncGenerator<StoredMsg, void, undefined> {
  // An empty stream that never held anything has 0 for both.
  let next = Math.max(1, first)
  while (next <= last) {
    const from = next
    for await (const message of readBatch(js, stream, { seq: next, batch })) {
      next = message.seq + 1
      yield message
    }
    // Nothing came: the rest was purged after `last` was read.
    if (next === from) return
  }
}
