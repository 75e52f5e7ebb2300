import { isDuration, parseDuration } from '../../crds/index.ts'
import type { StoredMessage } from '../jetstream/stored-message.ts'
import { headerValue } from '../settlement/copied-headers.ts'

const MIN_MS = 1000
const NEVER = 'never'

/** What is wrong with a `Nats-TTL` header, to the publisher; undefined when nothing is. Pure. */
export const ttlProblem = (text: string): string | undefined =>
  text === NEVER || (ttlMs(text) ?? 0) >= MIN_MS
    ? undefined
    : `Nats-TTL is ${JSON.stringify(text)}; write a number of seconds or a duration of 1s or more, like 5s or 1h30m, or never`

/**
 * The `Nats-TTL` of a message that was due `lateMs` ago, since which its time counts. Undefined when that is over. Whole
 * seconds, rounded up, since nats-server takes no less. Pure.
 */
export function ttlLeft(text: string, lateMs: number): string | undefined {
  const ttl = ttlMs(text)
  if (ttl === undefined) return text
  const left = ttl - lateMs
  return left <= 0 ? undefined : `${Math.ceil(left / 1000)}s`
}

/** Whether a message ends by a `Nats-TTL` of its own. Pure. */
export function mayExpire(headers: StoredMessage['headers']): boolean {
  const ttl = headerValue(headers, 'Nats-TTL')
  return ttl !== undefined && ttl !== NEVER
}

/** Undefined where it is no time. */
const ttlMs = (text: string): number | undefined =>
  /^\d{1,9}$/.test(text) ? Number(text) * 1000 : isDuration(text) ? parseDuration(text) : undefined
