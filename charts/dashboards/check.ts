import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { type DashboardQuery, dashboardQueries, type QueryOptions } from './queries.ts'

/** Where the dashboard stands that the chart installs. */
export const DASHBOARD_FILE = join(import.meta.dirname, '../pillion/dashboards/queues.json')

/**
 * Metrics that a healthy cluster need not have yet: counters with labels, which begin with their first event. A query that names one
 * of them may give nothing.
 */
export const MAY_BE_ABSENT: Readonly<Record<string, string>> = {
  pillion_queue_dead_lettered_total: 'has a label reason: no message was dead-lettered yet',
  pillion_queue_dropped_total: 'has a label reason: no message was dropped yet',
  pillion_queue_invalid_requests_total: 'has a label kind: no invalid request came yet',
  pillion_operator_api_errors_total: 'has a label code: the API server refused nothing yet',
  pillion_operator_drift_corrected_total: 'has a label kind: nothing drifted yet',
}

const answerSchema = z.union([
  z.object({
    status: z.literal('success'),
    warnings: z.array(z.string()).default([]),
    infos: z.array(z.string()).default([]),
    data: z.object({ resultType: z.string(), result: z.array(z.unknown()) }),
  }),
  z.object({ status: z.literal('error'), error: z.string() }),
])

export interface CheckOptions extends QueryOptions {
  /** The dashboard; left out, the one of the chart. */
  readonly dashboard?: unknown
  /** Metrics that need not be there, each with the reason; left out, `MAY_BE_ABSENT`. */
  readonly mayBeAbsent?: Readonly<Record<string, string>>
}

export interface CheckedQuery extends DashboardQuery {
  /** Series in the answer. */
  readonly series: number
}

/**
 * Runs every PromQL expression of the dashboard on a Prometheus (such as `http://127.0.0.1:9090`).
 * @returns what was run, with the number of series that each gave
 * @throws Error that lists each query that failed, that Prometheus remarked on (a rate of what is no counter, say), or that gave no
 *   series though all of its metrics should be there; and each entry of `mayBeAbsent` that the dashboard does not use.
 */
export async function checkDashboard(prometheusUrl: string, options: CheckOptions = {}): Promise<CheckedQuery[]> {
  const { mayBeAbsent = MAY_BE_ABSENT, ...queryOptions } = options
  const dashboard: unknown = options.dashboard ?? JSON.parse(await readFile(DASHBOARD_FILE, 'utf8'))
  const queries = dashboardQueries(dashboard, queryOptions)
  const problems = Object.keys(mayBeAbsent)
    .filter((metric) => !queries.some(({ expr }) => names(expr, metric)))
    .map((metric) => `${metric} may be absent, but no query of the dashboard names it`)
  const checked: CheckedQuery[] = []
  for (const query of queries) {
    const answer = await ask(prometheusUrl, query.expr)
    const excused = Object.keys(mayBeAbsent).some((metric) => names(query.expr, metric))
    const problem = problemOf(answer, excused)
    if (problem !== undefined) problems.push(`${query.where}: ${problem}\n    ${query.expr}`)
    if (answer.status === 'success') checked.push({ ...query, series: answer.data.result.length })
  }
  if (problems.length > 0) throw new Error(`the dashboard has problems:\n  ${problems.join('\n  ')}`)
  return checked
}

type Answer = z.output<typeof answerSchema>

function problemOf(answer: Answer, excused: boolean): string | undefined {
  if (answer.status === 'error') return answer.error
  const remarks = [...answer.warnings, ...answer.infos]
  if (remarks.length > 0) return remarks.join('; ')
  return answer.data.result.length === 0 && !excused ? 'gave no series' : undefined
}

async function ask(prometheusUrl: string, expr: string): Promise<Answer> {
  const response = await fetch(new URL('/api/v1/query', prometheusUrl), {
    method: 'POST',
    body: new URLSearchParams({ query: expr }),
    signal: AbortSignal.timeout(30_000),
  })
  return answerSchema.parse(await response.json())
}

/** Whether the expression names this metric, and not one whose name only begins with it. */
function names(expr: string, metric: string): boolean {
  return new RegExp(`(?<![\\w:])${metric}(?![\\w:])`).test(expr)
}
