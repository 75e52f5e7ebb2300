/** How long to wait before another try. Times in milliseconds. */
export interface BackoffPolicy {
  readonly initialMs: number
  readonly factor: number
  readonly maxMs: number
  /** From 0 to 1: how much of the delay is left to chance, so that many that failed together do not return together. */
  readonly jitter: number
}

/**
 * The delay after the n-th failure in a row (from 1): initial · factor^(n-1), at most max, of which the share `jitter` is random.
 * @param random from 0 (included) to 1 (excluded)
 */
export function backoffDelay(policy: BackoffPolicy, failures: number, random: () => number = Math.random): number {
  const full = Math.min(policy.maxMs, policy.initialMs * policy.factor ** (failures - 1))
  return full * (1 - policy.jitter * random())
}
