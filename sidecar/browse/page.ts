import { orMissing } from '../jetstream/ensure.ts'
import type { QueueSpec } from '../../crds/index.ts'
import type { BrowsedMessage, BrowsePage, Source } from '../../crds/protocol/browse.ts'
import { deadLetterStream, queueStream } from '../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../jetstream/access.ts'
import type { StoredMessage } from '../jetstream/stored-message.ts'
import { walk } from '../jetstream/walk.ts'
import { deadLetterHeader } from '../settlement/dead-letter.ts'
import { subjectMatches } from '../wire/subject.ts'
import type { BrowseParameters } from './parameters.ts'
import { present } from './present.ts'
import { publishedSubject } from './published-subject.ts'

/** A page ends with the message that makes its bodies this long. Bytes. */
const PAGE_BYTES = 8 * 1024 * 1024
/** Messages that are looked at for a page; the next page goes on behind them. */
const LOOKED_AT = 10_000

export interface Browsed {
  readonly name: string
  readonly spec: QueueSpec
  /** Whether a message that is still stored came to its end already. */
  readonly hasEnded: (stored: string, sequence: number) => boolean
}

export const sourceStream = (queue: string, source: Source): string =>
  source === 'messages' ? queueStream(queue) : deadLetterStream(queue)

/** The subject that a message, or the original of a dead letter, was published to. Pure. */
export function originalSubject({ name, spec }: Pick<Browsed, 'name' | 'spec'>, message: StoredMessage): string {
  const original = message.headers.find(([key]) => key === deadLetterHeader.subject)?.[1]
  return publishedSubject(name, spec, original ?? message.subject)
}

/** One page of what a Queue holds. Direct reads, so that no delivery count changes. */
export async function browse(
  js: JetStreamAccess,
  queue: Browsed,
  source: Source,
  { from, limit, subject, maxBytes }: BrowseParameters,
): Promise<BrowsePage> {
  const stream = await orMissing(js.manager.streams.info(sourceStream(queue.name, source)))
  if (stream === undefined) return { messages: [], next: null, total: 0 }
  const total = stream.state.messages
  const to = stream.state.last_seq
  const messages: BrowsedMessage[] = []
  let bytes = 0
  let looked = 0
  let seen = from - 1
  for await (const message of walk(js, stream, { from, to })) {
    if (messages.length >= limit || bytes >= PAGE_BYTES || looked >= LOOKED_AT) {
      return { messages, next: seen + 1, total }
    }
    looked++
    seen = message.seq
    if (source === 'messages' && queue.hasEnded(message.subject, message.seq)) continue
    const original = originalSubject(queue, message)
    if (subject !== undefined && !subjectMatches(subject, original)) continue
    const shown = present(message, original, maxBytes)
    bytes += shown.body.length
    messages.push(shown)
  }
  return { messages, next: null, total }
}
