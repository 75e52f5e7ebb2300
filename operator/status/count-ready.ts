import type { Caches } from '../caches.ts'
import type { Kind } from '../metrics.ts'
import { conditionOf } from './condition.ts'

/** How many Queues or QueueBrokers are ready, and how many are not. */
export function countReady(kind: Kind, caches: Caches | undefined): { ready: number; notReady: number } {
  if (caches === undefined) return { ready: 0, notReady: 0 }
  const objects = kind === 'Queue' ? caches.queues : caches.queueBrokers
  let ready = 0
  for (const { status } of objects.values()) {
    if (conditionOf(status?.conditions, 'Ready')?.status === 'True') ready += 1
  }
  return { ready, notReady: objects.size - ready }
}
