import { installation } from './installation.ts'
import { take } from './messages.ts'
import type { Namespace } from './namespace.ts'
import { restartsOf, type StoredPod } from './objects.ts'
import { secondsSince, tell, until } from './until.ts'

/** What events about drift end with. */
export const putBack = /had been changed and was put back$/
export const madeAgain = /had been removed and was made again$/

/** Waits until something is right again, and prints after how long. */
export async function corrected(what: string, look: () => Promise<boolean>): Promise<void> {
  const started = performance.now()
  await until(what, look, { withinMs: 60_000, everyMs: 250 })
  tell(`${what}: ${secondsSince(started)} s (resync: ${installation.resyncSeconds} s)`)
}

/** What shows that a pod is the same and went on. */
export const identity = (pod: StoredPod) => ({ uid: pod.metadata.uid, restarts: restartsOf(pod) })

/** Waits until the broker is at work (again) after its pod was rolled; gives the messages that its Queue has next. */
export async function nextMessages(namespace: Namespace, queue: string, max: number): Promise<string[]> {
  await namespace.readyBrokerPod(queue)
  await namespace.queueReady(queue)
  return until('the first messages', async () => {
    const taken = await take(namespace, queue, max)
    return taken.length > 0 && taken
  })
}
