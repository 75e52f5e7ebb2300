import { z } from 'zod'

/**
 * The newest batch that another broker's sidecar had copied here, of one operation.
 *
 *     (none) → open → closed → open (of the next batch) → …
 *        └─────────────┘
 *
 * A batch is open from before its first copy until it is known, and noted here, which were made; then it is closed. Asked about a batch
 * that never came, it is closed without any, so that none of it comes later. A batch that is not newer than this one is refused.
 */
export const incomingSchema = z.object({
  /** Where the copies go. */
  queue: z.string(),
  /** The operation, which is another broker's. */
  id: z.string(),
  batch: z.int().min(1),
  state: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('open'),
      origin: z.object({ queue: z.string(), stream: z.string(), created: z.string() }),
      sequences: z.array(z.int()),
      /** The last sequence that was here before it. */
      after: z.int(),
    }),
    z.object({ kind: z.literal('closed'), copied: z.array(z.int()) }),
  ]),
})
export type Incoming = z.infer<typeof incomingSchema>

/** What is known of them by their words, oldest first: the last word of each. Pure. */
export function lastOfEach(words: readonly Incoming[]): Incoming[] {
  const last = new Map<string, Incoming>()
  for (const word of words) {
    const key = `${word.queue} ${word.id}`
    const before = last.get(key)
    // After a crash nats-server may bring back a word that was replaced, behind the one that did.
    if (before !== undefined && isNewer(before, word)) continue
    last.set(key, word)
  }
  return [...last.values()]
}

const isNewer = (a: Incoming, b: Incoming): boolean =>
  a.batch > b.batch || (a.batch === b.batch && a.state.kind === 'closed' && b.state.kind === 'open')
