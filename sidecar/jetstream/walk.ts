import type { StreamInfo } from '@nats-io/jetstream'
import type { JetStreamAccess } from './access.ts'
import { nextOf, type StoredMessage, storedMessage } from './stored-message.ts'

/** Requests under way at once. */
const MAX_WINDOW = 64
/** Bodies that are on their way at once, as far as their average size tells. Bytes. */
const WINDOW_BYTES = 4 * 1024 * 1024

/**
 * The messages of a stream at `from` … `to`, oldest first, one by one by sequence, so that whatever headers they have can be read and
 * no consumer is made. Holds a window of them at most. Gaps are jumped over.
 */
export async function* walk(
  js: JetStreamAccess,
  { config: { name }, state }: Pick<StreamInfo, 'config' | 'state'>,
  { from, to }: { readonly from: number; readonly to: number },
): AsyncGenerator<StoredMessage, void, undefined> {
  const last = Math.min(to, state.last_seq)
  const average = state.messages === 0 ? 1 : state.bytes / state.messages
  const window = Math.max(1, Math.min(MAX_WINDOW, Math.floor(WINDOW_BYTES / average)))
  let next = Math.max(from, state.first_seq, 1)
  while (next <= last) {
    const size = Math.min(window, last - next + 1)
    const messages = await Promise.all(
      Array.from({ length: size }, (_, index) => storedMessage(js, name, next + index)),
    )
    next += size
    let found = false
    for (const message of messages) {
      if (message === undefined) continue
      found = true
      yield message
    }
    if (found) continue
    const following = await nextOf(js, name, '>', next)
    if (following === undefined) return
    next = following.seq
  }
}
