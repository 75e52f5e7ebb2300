import { setTimeout as delay } from 'node:timers/promises'
import { API_PREFIX } from '../../../crds/protocol/subjects.ts'
import type { JetStreamAccess } from '../../../sidecar/jetstream/access.ts'
import { over } from './over.ts'

/** What a write did before the crash: nothing, or all, but for the word that it did. */
export type Moment = 'before' | 'after'

export interface Crashing {
  readonly js: JetStreamAccess
  /** How many writes there were. */
  readonly writes: () => number
  readonly hasCrashed: () => boolean
  /** Begins to count anew, towards another end. */
  readonly arm: (at: number, moment: Moment) => void
}

/** Not in the same turn: what tries again at once would leave no turn to anything else. */
const never = async <T>(): Promise<T> => {
  await delay(5)
  throw new Error('crashed')
}

/** Hands on a broker that die at their `at`th write: from then on nothing that is asked for happens. */
export function crashing(real: JetStreamAccess, firstAt: number, firstMoment: Moment): Crashing {
  let at = firstAt
  let moment = firstMoment
  let writes = 0
  let crashed = false
  const write = async <T>(work: () => Promise<T>): Promise<T> => {
    if (crashed) return never()
    if (++writes !== at) return work()
    crashed = true
    if (moment === 'after') await work()
    return never()
  }
  const read = <T>(work: () => Promise<T>): Promise<T> => (crashed ? never() : work())
  const { client, manager, connection } = real
  const js: JetStreamAccess = {
    timeoutMs: real.timeoutMs,
    connection: over(connection, {
      // What is no question to the API is a publish whose answer is waited for.
      request: (...args) => (args[0].startsWith(`${API_PREFIX}.`) ? read : write)(() => connection.request(...args)),
      publish: (...args) => {
        if (!crashed) connection.publish(...args)
      },
    }),
    client: over(client, { publish: (...args) => write(() => client.publish(...args)) }),
    manager: over(manager, {
      streams: over(manager.streams, {
        info: (...args) => read(() => manager.streams.info(...args)),
        purge: (...args) => write(() => manager.streams.purge(...args)),
        deleteMessage: (...args) => write(() => manager.streams.deleteMessage(...args)),
      }),
    }),
  }
  const arm = (nextAt: number, nextMoment: Moment): void => {
    at = nextAt
    moment = nextMoment
    writes = 0
  }
  return { js, writes: () => writes, hasCrashed: () => crashed, arm }
}
