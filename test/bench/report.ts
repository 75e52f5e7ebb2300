import type { Machine } from './machine.ts'
import { type Row, table } from './row.ts'

/** What a run of benches gives: what `--json` prints and `--out` writes. */
export interface Report {
  /** What repeats it. */
  readonly command: string
  readonly machine: Machine
  readonly results: readonly Row[]
  /** Benches that could not be run to their end. */
  readonly failed: ReadonlyArray<{ readonly bench: string; readonly reason: string }>
}

/** Options that say where things go, not what is measured: they would name folders of the machine. */
const PLACES = new Set(['--out', '--svg', '--folder'])

/** The command line that repeats a run. @param args of `npm run bench --` */
export function repeats(args: readonly string[]): string {
  const kept = args.filter((arg, i) => {
    const name = arg.split('=')[0] ?? ''
    return arg !== '--json' && !PLACES.has(name) && !PLACES.has(args[i - 1] ?? '')
  })
  return ['npm run bench', ...(kept.length > 0 ? ['--', ...kept] : [])].join(' ')
}

/** As a person reads it. */
export const asText = ({ results, failed }: Report): string =>
  [
    ...(results.length > 0 ? [table(results)] : []),
    ...failed.map(({ bench, reason }) => `failed: ${bench}: ${reason}`),
  ].join('\n')
