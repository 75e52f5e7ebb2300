import { z } from 'zod'

const targetSchema = z.object({ refId: z.string(), expr: z.string() })
const panelSchema = z.object({
  title: z.string().default(''),
  targets: z.array(targetSchema).default([]),
  get panels() {
    return z.array(panelSchema).default([])
  },
})
const variableSchema = z.object({
  name: z.string(),
  type: z.string(),
  allValue: z.string().optional(),
  query: z.union([z.string(), z.object({ query: z.string() })]).optional(),
})
const dashboardSchema = z.object({
  panels: z.array(panelSchema),
  templating: z.object({ list: z.array(variableSchema) }),
})
type PanelNode = z.output<typeof panelSchema>
type Variable = z.output<typeof variableSchema>

/** A PromQL expression of a dashboard, with nothing of Grafana left in it. */
export interface DashboardQuery {
  /** Title of the panel and the query's letter, or the variable: for messages. */
  readonly where: string
  readonly expr: string
}

/** What Grafana fills in by itself; the range of rates has to span at least two scrapes. */
export interface QueryOptions {
  readonly rateInterval?: string
}

/**
 * Every PromQL expression of a Grafana dashboard, its variables filled in as if everything were chosen. Variables that ask for label
 * values become the query for series that have this label.
 * @throws Error when something is not a dashboard, or an expression uses a variable that nobody defines.
 */
export function dashboardQueries(dashboard: unknown, { rateInterval = '1m' }: QueryOptions = {}): DashboardQuery[] {
  const { panels, templating } = dashboardSchema.parse(dashboard)
  const values = new Map([
    ['__rate_interval', rateInterval],
    ...templating.list.flatMap(({ name, allValue }) => (allValue === undefined ? [] : [[name, allValue] as const])),
  ])
  return [
    ...templating.list.flatMap(variableQuery),
    ...panels
      .flatMap(withNested)
      .flatMap(({ title, targets }) => targets.map(({ refId, expr }) => ({ where: `${title} (${refId})`, expr }))),
  ].map(({ where, expr }) => ({ where, expr: filledIn(where, expr, values) }))
}

/** Panels of a collapsed row stand inside it. */
function withNested(panel: PanelNode): PanelNode[] {
  return [panel, ...panel.panels.flatMap(withNested)]
}

function variableQuery({ name, type, query }: Variable): DashboardQuery[] {
  if (type !== 'query') return []
  const text = typeof query === 'string' ? query : (query?.query ?? '')
  const match = /^label_values\((.+), *(\w+)\)$/.exec(text)
  if (match === null)
    throw new Error(`variable ${name}: ${JSON.stringify(text)} is not label_values(<series>, <label>)`)
  const [, series = '', label = ''] = match
  return [{ where: `variable ${name}`, expr: `group by (${label}) (${withLabel(series, label)})` }]
}

function withLabel(series: string, label: string): string {
  return series.endsWith('}') ? `${series.slice(0, -1)}, ${label}!=""}` : `${series}{${label}!=""}`
}

function filledIn(where: string, expr: string, values: ReadonlyMap<string, string>): string {
  return expr.replaceAll(/\$(?:(\w+)|\{(\w+)(?::\w+)?\})/g, (written, bare: string | undefined, braced: string) => {
    const value = values.get(bare ?? braced)
    if (value === undefined) throw new Error(`${where}: nothing defines ${written} in ${expr}`)
    return value
  })
}
