import type { StreamInfo } from '@nats-io/jetstream'
import { firstSince, type StoredMessage } from '../jetstream/stored-message.ts'
import type { QueueState } from './state.ts'

/** From a copy to the record of its original's end pass at most the time that nats-server has to answer, twice. Milliseconds. */
const BEFORE_RECORD_MS = 10_000

/**
 * The first message of a stream of copies whose original's end may not be on record because a crash came between: it and later ones are newer
 * than the last record, or hardly older. Undefined: there is none.
 */
export async function firstUnrecorded(
  { js, log, createdAt }: Pick<QueueState, 'js' | 'log' | 'createdAt'>,
  { config, state }: Pick<StreamInfo, 'config' | 'state'>,
): Promise<StoredMessage | undefined> {
  if (state.messages === 0) return undefined
  return firstSince(js, config.name, new Date(Math.max(log.lastAt, createdAt) - BEFORE_RECORD_MS))
}
