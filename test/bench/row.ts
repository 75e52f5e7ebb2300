/** What a run was made of, so that rows of different kinds can stand in one table. */
export interface Case {
  readonly name: string
  readonly mode: string
  readonly durability: Durability
  /** Publishes that wait for their acknowledgement. */
  readonly inFlight?: number
}

export const DURABILITIES = ['Interval', 'Always'] as const
export type Durability = (typeof DURABILITIES)[number]

/** One row of results: `ours` and `raw` are the medians of the runs, `ratio` is ours / raw. */
export interface Row extends Case {
  /** What the figures count. */
  readonly unit: string
  readonly ours: number
  readonly raw: number
  readonly ratio: number
  readonly oursRuns: readonly number[]
  readonly rawRuns: readonly number[]
}

export function row(what: Case, unit: string, oursRuns: readonly number[], rawRuns: readonly number[]): Row {
  const ours = median(oursRuns)
  const raw = median(rawRuns)
  return { ...what, unit, ours, raw, ratio: Math.round((ours / raw) * 100) / 100, oursRuns, rawRuns }
}

/** The middle of an odd number of values, the mean of the two in the middle of an even one. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('the median of nothing')
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2
}

const COLUMNS = ['name', 'mode', 'durability', 'inFlight', 'ours', 'raw', 'ratio', 'unit'] as const

export function table(rows: readonly Row[]): string {
  const columns = COLUMNS.filter((column) => rows.some((row) => row[column] !== undefined))
  const lines = [columns.map(String), ...rows.map((row) => columns.map((column) => String(row[column] ?? '')))]
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
