/**
 * Whether the sends of a transaction are in a Queue already. There is no marker beside them: each of them has the transaction's id
 * in a header, a batch is stored as a whole or not at all, and while it is not on record that it is stored, nothing that came into the stream
 * since is purged from it, acknowledged or not. What is left is what nats-server removes by itself, by declared policy: the oldest of a full
 * stream, what is too old, a message whose key has a newer one, a `Nats-TTL` that is over.
 */

/** One send, and what could have removed it since. */
export interface Wanted {
  /** As it is stored. */
  readonly subject: string
  /** Whether its `Nats-TTL` is over by now. */
  readonly isOver: boolean
}

/** What a stream has above the sequence that was its last before. */
export interface Above {
  readonly after: number
  readonly first: number
  readonly last: number
  /** How many messages there are above `after`, by subject. */
  readonly bySubject: ReadonlyMap<string, number>
  /** Messages that are kept of a subject at most; undefined: any number. */
  readonly maxPerSubject: number | undefined
}

/**
 * Of a batch of which no message is found: `never` where it is certain that it was not stored; else `gone`: if it was stored, policy
 * has removed all of it, and if it was not, this is what would have become of it. Pure.
 */
export function whetherStored(wanted: readonly Wanted[], above: Above): 'never' | 'gone' {
  const { after, first, last, bySubject, maxPerSubject } = above
  const present = [...bySubject.values()].reduce((sum, count) => sum + count, 0)
  const missing = last - after - present
  if (missing < wanted.length) return 'never'
  const isReplaced = (subject: string): boolean =>
    maxPerSubject !== undefined && (bySubject.get(subject) ?? 0) >= maxPerSubject
  // Up to here it would be there if the oldest had not gone.
  const k = wanted.findLastIndex(({ subject, isOver }) => !isOver && !isReplaced(subject)) + 1
  return Math.max(0, first - 1 - after) >= k ? 'gone' : 'never'
}
