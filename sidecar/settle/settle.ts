import type { Signal } from './signal.ts'

/** Why a message became a dead letter. */
export type DeadLetterReason = 'max-attempts' | 'timeout' | 'rejected' | 'expired' | 'evicted'

/** `spec.retry` of a Queue in numbers. */
export interface RetryPolicy {
  /** Deliveries before a message is dead-lettered; 0: no limit. */
  readonly maxAttempts: number
  readonly backoff: Backoff
}

export interface Backoff {
  readonly initialMs: number
  readonly factor: number
  readonly maxMs: number
  /** 0–100: a delay is spread evenly over ± this share of itself. */
  readonly jitterPercent: number
}

/** What becomes of a delivered message. */
export type Decision =
  | { readonly kind: 'acknowledge' }
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'extend' }
  | { readonly kind: 'deadLetter'; readonly reason: DeadLetterReason; readonly error?: string }
  | { readonly kind: 'refuse'; readonly message: string }

/** A consumer may ask for no longer a delay; nats-server takes one past its range for none. A year, in milliseconds. */
const MAX_DELAY_MS = 365 * 24 * 3_600_000

/**
 * Decides what becomes of a delivered message.
 *
 * @param attempt deliveries so far, this one included; from 1
 * @param random in [0, 1), for the jitter of the backoff
 */
export function settle(signal: Signal, attempt: number, policy: RetryPolicy, random: number): Decision {
  switch (signal.kind) {
    case 'ack':
    case 'ackNext':
      return { kind: 'acknowledge' }
    case 'progress':
      return { kind: 'extend' }
    case 'term':
      return {
        kind: 'deadLetter',
        reason: 'rejected',
        ...(signal.reason === undefined ? {} : { error: signal.reason }),
      }
    case 'nak':
      if (policy.maxAttempts > 0 && attempt >= policy.maxAttempts) return { kind: 'deadLetter', reason: 'max-attempts' }
      return {
        kind: 'retry',
        delayMs: Math.min(MAX_DELAY_MS, signal.delayMs ?? backoffDelay(policy.backoff, attempt, random)),
      }
    case 'malformed':
      return { kind: 'refuse', message: signal.message }
    default:
      return signal satisfies never
  }
}

/** What becomes of a message that nobody answered within the visibility timeout, where that is for us to decide. */
export const unanswered = (attempt: number, { maxAttempts }: RetryPolicy): Decision =>
  maxAttempts > 0 && attempt >= maxAttempts ? { kind: 'deadLetter', reason: 'timeout' } : { kind: 'retry', delayMs: 0 }

/** initial × factor^(attempt−1), at most max, then spread by the jitter; milliseconds. */
export function backoffDelay(backoff: Backoff, attempt: number, random: number): number {
  const exact = Math.min(backoff.maxMs, backoff.initialMs * backoff.factor ** (attempt - 1))
  return exact * (1 + (backoff.jitterPercent / 100) * (2 * random - 1))
}
