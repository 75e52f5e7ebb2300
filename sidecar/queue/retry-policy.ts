import { parseDuration, type QueueSpec } from '../../crds/index.ts'
import type { RetryPolicy } from '../settle/settle.ts'

const known = new WeakMap<QueueSpec, RetryPolicy & { readonly visibilityTimeoutMs: number }>()

/** `spec.retry` in numbers; read once a spec, since it is asked for with each signal. */
export function retryPolicy(spec: QueueSpec): RetryPolicy & { readonly visibilityTimeoutMs: number } {
  const policy = known.get(spec) ?? inNumbers(spec)
  known.set(spec, policy)
  return policy
}

function inNumbers({ retry }: QueueSpec): RetryPolicy & { readonly visibilityTimeoutMs: number } {
  const { initial, factor, max, jitterPercent } = retry.backoff
  return {
    visibilityTimeoutMs: parseDuration(retry.visibilityTimeout),
    maxAttempts: retry.maxAttempts,
    backoff: { initialMs: parseDuration(initial), factor, maxMs: parseDuration(max), jitterPercent },
  }
}

/** A client may answer a delivery long after its timeout, as one whose connection was cut does. Milliseconds. */
const LATE_MS = 10_000

/** How long it is known that a message ended because a copy took its place, so that nobody is told that theirs was acknowledged. Milliseconds. */
export const movedIsKnownMs = (spec: QueueSpec): number => Math.max(LATE_MS, 2 * retryPolicy(spec).visibilityTimeoutMs)
