import type { Loss } from '../settlement/account.ts'
import type { QueueState } from './state.ts'

/**
 * Messages came to an end while they waited for their time, outside of the Queue's stream. To be called when they are gone: a
 * crash before that is kept forgets that they ever were, and counts none twice.
 */
export function endedWaiting(q: QueueState, loss: Loss, count: number): void {
  if (count === 0) return
  for (const { name, path } of q.spec.consumerGroups) {
    // What was for a part of the tree is not looked into.
    if (path === undefined) q.accounts.get(name)?.endedWaiting(loss, count)
  }
  keep(q)
}

/** There are messages that end by a `Nats-TTL` of their own. */
export function sawTtl(q: QueueState): void {
  const news = [...q.accounts.values()].filter((account) => !account.sawTtl)
  if (news.length === 0) return
  for (const account of news) account.sawTtl = true
  keep(q)
}

/** In a snapshot of the settlement log. One that fails is made with a later one. */
function keep({ settler, logger }: QueueState): void {
  settler.restate().catch((error: unknown) => {
    logger.debug({ err: error }, 'could not keep yet what became of messages')
  })
}
