/**
 * The few shapes of PromQL that the dashboard is made of. Each broker pod exports each of its Queues, so gauges are taken as the
 * largest over pods and consumer groups, and counters are added up.
 *
 * Series carry `namespace`, `pod` and `broker` from where they were scraped: see podMonitor in the chart.
 */

const BROKER = 'namespace=~"$namespace", broker=~"$broker"'
const QUEUE = `${BROKER}, queue=~"$queue"`

export const BY_QUEUE = ['namespace', 'queue'] as const
export const BY_BROKER = ['namespace', 'broker'] as const

export const QUEUE_LEGEND = '{{namespace}}/{{queue}}'
export const BROKER_LEGEND = '{{namespace}}/{{broker}}'

/** Series of the chosen Queues. */
export const ofQueues = (metric: string): string => `${metric}{${QUEUE}}`
/** Series of the chosen brokers. */
export const ofBrokers = (metric: string): string => `${metric}{${BROKER}}`

/** What every Node.js process exports, of the sidecars alone. */
export const ofSidecars = (expr: string): string => `${expr} and on (instance) pillion_broker_connected`
/** What every Node.js process exports, of the operator alone. */
export const ofOperators = (expr: string): string => `${expr} and on (instance) pillion_operator_leader`

export const maxBy = (labels: readonly string[], expr: string): string => `max by (${labels.join(', ')}) (${expr})`
export const sumBy = (labels: readonly string[], expr: string): string => `sum by (${labels.join(', ')}) (${expr})`
export const sum = (expr: string): string => `sum(${expr})`
export const rate = (selector: string): string => `rate(${selector}[$__rate_interval])`
/** Fraction of a limit that is used; nothing where there is no limit (0). */
export const share = (used: string, limit: string): string => `${used} / (${limit} > 0)`

/** A quantile of a histogram over all that the selector takes, or for each value of `labels`. */
export function quantile(q: number, bucketSelector: string, labels: readonly string[] = []): string {
  return `histogram_quantile(${q}, ${sumBy(['le', ...labels], rate(bucketSelector))})`
}
