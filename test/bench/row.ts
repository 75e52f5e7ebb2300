import { PEER_NAMES, type PeerName } from './peers/peer.ts'

/** What a run was made of, so that rows of different kinds can stand in one table. */
export interface Case {
  readonly name: string
  readonly mode: string
  readonly durability: Durability
  /** Publishes that wait for their acknowledgement. */
  readonly inFlight?: number
  /** Of a body. Bytes. */
  readonly size?: number
  /** Messages that wait behind those that are consumed. */
  readonly waiting?: number
  /** Consumers at the same time. */
  readonly consumers?: number
  /** Publishes a second. */
  readonly rate?: number
}

/** What a row may be told apart by, beside its name, mode and durability: field, and what follows its value where that stands alone. */
export const CASE_FIELDS = [
  ['inFlight', 'in flight'],
  ['size', 'bytes'],
  ['waiting', 'waiting'],
  ['consumers', 'consumers'],
  ['rate', 'a second'],
] as const

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
  /** Brokers of other makes, where asked for. */
  readonly peers?: Peers
}

/** The median of the runs; or why there is none. */
export type PeerFigure =
  | { readonly version: string; readonly median: number; readonly runs: readonly number[] }
  | { readonly notRun: string }

export type Peers = Readonly<Partial<Record<PeerName, PeerFigure>>>

export function row(
  what: Case,
  unit: string,
  oursRuns: readonly number[],
  rawRuns: readonly number[],
  peers: Peers = {},
): Row {
  const ours = median(oursRuns)
  const raw = median(rawRuns)
  const ratio = Math.round((ours / raw) * 100) / 100
  return { ...what, unit, ours, raw, ratio, oursRuns, rawRuns, ...(Object.keys(peers).length > 0 ? { peers } : {}) }
}

/** The middle of an odd number of values, the mean of the two in the middle of an even one. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('the median of nothing')
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2
}

const CASE = ['name', 'mode', 'durability', ...CASE_FIELDS.map(([field]) => field)] as const

/**
 * Where there were several runs, the least and the most of them follow their median. Peers have a column each, before the unit; what is not run is said
 * below the table.
 */
export function table(rows: readonly Row[]): string {
  const columns = CASE.filter((column) => rows.some((row) => row[column] !== undefined))
  const peers = PEER_NAMES.filter((name) => rows.some(({ peers }) => peers?.[name] !== undefined))
  const lines = [
    [...columns, 'ours', 'raw', 'ratio', ...peers, 'unit'],
    ...rows.map((row) => [
      ...columns.map((column) => String(row[column] ?? '')),
      withSpread(row.ours, row.oursRuns),
      withSpread(row.raw, row.rawRuns),
      String(row.ratio),
      ...peers.map((name) => peerCell(row, name)),
      row.unit,
    ]),
  ]
  const widths = lines[0]?.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0))) ?? []
  const text = lines.map((line) =>
    line
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return [...text, ...notRun(rows)].join('\n')
}

/** Undefined where it was not asked for, or not run. */
export function peerMedian({ peers }: Row, name: PeerName): number | undefined {
  const figure = peers?.[name]
  return figure !== undefined && 'median' in figure ? figure.median : undefined
}

const withSpread = (middle: number, runs: readonly number[]): string =>
  runs.length > 1 ? `${middle} (${Math.min(...runs)}–${Math.max(...runs)})` : String(middle)

function peerCell({ peers }: Row, name: PeerName): string {
  const figure = peers?.[name]
  return figure !== undefined && 'median' in figure ? withSpread(figure.median, figure.runs) : ''
}

/** Which peers have no figure, and why, a line each. */
function notRun(rows: readonly Row[]): string[] {
  const reasons = rows.flatMap((row) =>
    Object.entries(row.peers ?? {}).flatMap(([peer, figure]) =>
      'notRun' in figure
        ? [
            `not run: ${peer}, ${[row.name, ...CASE_FIELDS.map(([field]) => row[field] ?? [])].flat().join(' ')}: ${figure.notRun}`,
          ]
        : [],
    ),
  )
  return [...new Set(reasons)]
}
