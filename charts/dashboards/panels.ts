import {
  BigValueColorMode,
  BigValueGraphMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import { ThresholdsConfigBuilder, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'

/** Where Grafana asks: the data source that the person chose. */
export const DATASOURCE = { type: 'prometheus', uid: '${datasource}' }

/** Units by the names that Grafana gives them. */
export const UNITS = {
  count: 'short',
  perSecond: 'cps',
  seconds: 's',
  bytes: 'bytes',
  ratio: 'percentunit',
  cores: 'suffix: cores',
} as const
export type Unit = keyof typeof UNITS

/** A PromQL expression, and what a series of it is called (Grafana's `{{label}}`). */
export interface Query {
  readonly expr: string
  readonly legend: string
}

interface PanelText {
  readonly title: string
  /** For the person who looks at it: what is counted, and what it means when it is high. */
  readonly description: string
  readonly unit: Unit
}

/** Colours from a value on; the first one is the colour below all of them. */
export type Steps = readonly [base: string, ...steps: ReadonlyArray<readonly [from: number, color: string]>]

export interface Stat extends PanelText {
  readonly expr: string
  readonly steps?: Steps
}

/** One number, an eighth of the width. */
export function stat({ title, description, unit, expr, steps = ['text'] }: Stat): StatBuilder {
  const [base, ...more] = steps
  return new StatBuilder()
    .title(title)
    .description(description)
    .unit(UNITS[unit])
    .noValue('–')
    .datasource(DATASOURCE)
    .span(3)
    .height(4)
    .graphMode(BigValueGraphMode.Area)
    .colorMode(BigValueColorMode.Value)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(
      new ThresholdsConfigBuilder()
        .mode(ThresholdsMode.Absolute)
        .steps([{ value: null, color: base }, ...more.map(([value, color]) => ({ value, color }))]),
    )
    .withTarget(target({ expr, legend: title }, 'A'))
}

export interface Series extends PanelText {
  readonly queries: readonly [Query, ...Query[]]
  /** Upper end of the axis, where the unit has one. */
  readonly max?: number
}

/** Series over time, a third of the width. */
export function series({ title, description, unit, queries, max }: Series): TimeseriesBuilder {
  const panel = new TimeseriesBuilder()
    .title(title)
    .description(description)
    .unit(UNITS[unit])
    .min(0)
    .datasource(DATASOURCE)
    .span(8)
    .height(8)
    .fillOpacity(10)
    .showPoints(VisibilityMode.Never)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    )
    // oxlint-disable-next-line unicorn/no-array-sort -- a setter of the builder
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
  if (max !== undefined) panel.max(max)
  queries.forEach((query, index) => panel.withTarget(target(query, String.fromCharCode(65 + index))))
  return panel
}

function target({ expr, legend }: Query, refId: string): DataqueryBuilder {
  return new DataqueryBuilder().refId(refId).datasource(DATASOURCE).expr(expr).legendFormat(legend).range()
}
