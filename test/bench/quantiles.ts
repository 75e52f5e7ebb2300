/** Of a sorted list, which has at least one value. @param q from 0 to 1 */
export const quantile = (sorted: ArrayLike<number>, q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN

/** As a table shows it. */
export const hundredths = (ms: number): number => Math.round(ms * 100) / 100
