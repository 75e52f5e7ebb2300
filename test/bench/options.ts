import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { BENCH_MODES, type BenchModeName } from './modes.ts'
import { DURABILITIES, type Durability } from './row.ts'

export interface BenchOptions {
  readonly messages: number
  /** Bytes of a body. */
  readonly size: number
  /** Of each side; the result is their median. */
  readonly runs: number
  readonly durabilities: readonly Durability[]
  readonly modes: readonly BenchModeName[]
  /** Where the brokers store; its disk is what is measured with Always. */
  readonly folder: string
}

const isMode = (name: string): name is BenchModeName => name in BENCH_MODES
const MODES = Object.keys(BENCH_MODES).filter(isMode)

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The benches, with how many messages, and with what durability, each takes unless told. */
export type Benches = Readonly<
  Record<string, { readonly messages: number; readonly durability?: string; readonly about: string }>
>

export const usage = (benches: Benches): string => `npm run bench -- <${Object.keys(benches).join(' | ')}> [options]

Measures against raw JetStream, side by side in one run, everything on loopback.

${Object.entries(benches)
  .map(([name, { messages, about }]) => `  ${name.padEnd(20)} ${about} (${messages} messages)`)
  .join('\n')}

  --messages <n>       100 … 10000000
  --size <bytes>       of a body, 1 … 1000000 (256)
  --runs <n>           of each side; the result is the median, 1 … 100 (5)
  --durability <kind>  Interval | Always | both (both; publish: Always)
  --mode <mode>        ${MODES.join(' | ')} | all (Fifo)
  --folder <folder>    where the brokers store (the system's temporary folder)
  --json               one JSON object on standard output, else a table
`

/** Reads the command line; throws UsageError naming the option. */
export function readOptions(
  args: readonly string[],
  benches: Benches,
): { bench: string; options: BenchOptions; json: boolean } {
  const { values, positionals } = parse(args)
  const [bench, ...more] = positionals
  const known = bench !== undefined && Object.hasOwn(benches, bench) ? benches[bench] : undefined
  if (bench === undefined || known === undefined || more.length > 0) {
    throw new UsageError(`say which bench: ${Object.keys(benches).join(' or ')}`)
  }
  return {
    bench,
    json: values.json ?? false,
    options: {
      messages: integer('messages', values.messages, known.messages, 100, 10_000_000),
      size: integer('size', values.size, 256, 1, 1_000_000),
      runs: integer('runs', values.runs, 5, 1, 100),
      durabilities: durabilities(values.durability ?? known.durability ?? 'both'),
      modes: modes(values.mode ?? 'Fifo'),
      folder: folder(values.folder ?? tmpdir()),
    },
  }
}

function parse(args: readonly string[]) {
  const string = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        messages: string,
        size: string,
        runs: string,
        durability: string,
        mode: string,
        folder: string,
        json: { type: 'boolean' },
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function integer(name: string, text: string | undefined, fallback: number, min: number, max: number): number {
  if (text === undefined) return fallback
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value) && value >= min && value <= max) return value
  throw new UsageError(`--${name} is "${text}"; it must be a whole number from ${min} to ${max}`)
}

function durabilities(text: string): readonly Durability[] {
  if (text === 'both') return DURABILITIES
  const found = DURABILITIES.find((durability) => durability === text)
  if (found !== undefined) return [found]
  throw new UsageError(`--durability is "${text}"; it must be ${DURABILITIES.join(', ')} or both`)
}

function modes(text: string): readonly BenchModeName[] {
  if (text === 'all') return MODES
  const found = MODES.find((mode) => mode === text)
  if (found !== undefined) return [found]
  throw new UsageError(`--mode is "${text}"; there is ${MODES.join(', ')}, all`)
}

function folder(path: string): string {
  if (existsSync(path)) return path
  throw new UsageError(`--folder is "${path}", which is not there`)
}
