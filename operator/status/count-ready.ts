import { type Caches, cacheOf } from '../caches.ts'
import type { Kind } from '../metrics.ts'
import { conditionOf } from './condition.ts'

/** How many objects of a kind are ready, and how many are not. */
export function countReady(kind: Kind, caches: Caches | undefined): { ready: number; notReady: number } {
  if (caches === undefined) return { ready: 0, notReady: 0 }
  const objects = cacheOf(kind, caches)
  let ready = 0
  for (const { status } of objects.values()) {
    if (conditionOf(status?.conditions, 'Ready')?.status === 'True') ready += 1
  }
  return { ready, notReady: objects.size - ready }
}
