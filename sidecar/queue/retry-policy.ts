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
