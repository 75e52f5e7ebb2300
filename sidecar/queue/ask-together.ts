import { Mutex } from '../mutex.ts'
import { joinWaiting } from './join-waiting.ts'

/** What many ask for at the same time is asked for once: an answer is shared by all who asked before the question was sent. */
export function askTogether<T>(ask: () => Promise<T>): () => Promise<T> {
  const turns = new Mutex()
  return joinWaiting((work) => turns.run(work), ask)
}
