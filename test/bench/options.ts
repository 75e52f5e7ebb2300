import { existsSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { BENCH_MODES, type BenchModeName } from './modes.ts'
import { PEERS } from './peers/known.ts'
import { type Peer, PEER_NAMES } from './peers/peer.ts'
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
  /** Fewer rows, where a bench has many. */
  readonly quick: boolean
  /** Of other makes, measured beside. */
  readonly peers: readonly Peer[]
}

/** What a command line asks for. */
export interface Asked {
  readonly runs: ReadonlyArray<{ readonly bench: string; readonly options: BenchOptions }>
  /** One JSON object on standard output rather than a table. */
  readonly json: boolean
  /** Where the same object is written to. */
  readonly out?: string
  /** A folder for charts of the results. */
  readonly svg?: string
}

const isMode = (name: string): name is BenchModeName => name in BENCH_MODES
const MODES = Object.keys(BENCH_MODES).filter(isMode)

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The benches, with how many messages (`quick`: with --quick), and with what durability, each takes unless told. */
export type Benches = Readonly<
  Record<
    string,
    {
      readonly messages: number
      readonly quick: number
      readonly durability?: string
      readonly about: string
      /** Whether it can measure brokers of other makes beside. */
      readonly peers?: boolean
    }
  >
>

export const usage = (benches: Benches): string => `npm run bench -- [${Object.keys(benches).join(' | ')}] [options]

Measures against raw JetStream, side by side in one run, everything on loopback. Without a name: every bench.

${Object.entries(benches)
  .map(([name, { messages, about }]) => `  ${name.padEnd(20)} ${about} (${messages} messages)`)
  .join('\n')}

  --messages <n>       100 … 10000000
  --size <bytes>       of a body, 1 … 1000000 (256)
  --runs <n>           of each side; the result is the median, 1 … 100 (5)
  --durability <kind>  Interval | Always | both (both; publish: Always)
  --mode <mode>        ${MODES.join(' | ')} | all (Fifo)
  --folder <folder>    where the brokers store (the system's temporary folder)
  --peers <names>      of ${PEER_NAMES.join(',')}: beside them, each with every message synced to disk; ${Object.keys(
    benches,
  )
    .filter((name) => benches[name]?.peers)
    .join(' and ')}, with durability Always
                       and mode Fifo; needs Go, and Debian's apt-get, with which it unpacks them into the cache
  --quick              one run of each side and few messages: every bench in less than 3 minutes
  --json               one JSON object on standard output, else a table
  --out <file>         writes that object to a file
  --svg <folder>       draws charts of the results
`

/** Reads the command line; throws UsageError naming the option. */
export function readOptions(args: readonly string[], benches: Benches): Asked {
  const { values, positionals } = parse(args)
  const peers = peersOf(values.peers)
  const named = (bench: string, known: Benches[string]): Asked['runs'][number] => {
    const quick = values.quick ?? false
    const beside = known.peers ? peers : []
    const options = {
      messages: integer('messages', values.messages, quick ? known.quick : known.messages, 100, 10_000_000),
      size: integer('size', values.size, 256, 1, 1_000_000),
      runs: integer('runs', values.runs, quick ? 1 : 5, 1, 100),
      durabilities: durabilities(values.durability ?? (beside.length > 0 ? 'Always' : (known.durability ?? 'both'))),
      modes: modes(values.mode ?? 'Fifo'),
      folder: folder('folder', values.folder ?? tmpdir()),
      quick,
      peers: beside,
    }
    if (beside.length > 0 && (options.durabilities.join() !== 'Always' || options.modes.join() !== 'Fifo')) {
      throw new UsageError('--peers are measured beside --durability Always and --mode Fifo only')
    }
    return { bench, options }
  }
  const runs = Object.entries(chosen(positionals, benches)).map(([bench, known]) => named(bench, known))
  if (peers.length > 0 && runs.every(({ options }) => options.peers.length === 0)) {
    throw new UsageError(`--peers cannot be measured by ${positionals.join(' ')}`)
  }
  if (values.out !== undefined) folder('out', dirname(values.out))
  return {
    runs,
    json: values.json ?? false,
    ...(values.out === undefined ? {} : { out: values.out }),
    ...(values.svg === undefined ? {} : { svg: folder('svg', values.svg) }),
  }
}

/** The one that is named, or all. */
function chosen([bench, ...more]: readonly string[], benches: Benches): Benches {
  if (bench === undefined) return benches
  const known = Object.hasOwn(benches, bench) ? benches[bench] : undefined
  if (known === undefined || more.length > 0) {
    throw new UsageError(`say which bench, or none for all: ${Object.keys(benches).join(' or ')}`)
  }
  return { [bench]: known }
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
        peers: string,
        quick: { type: 'boolean' },
        json: { type: 'boolean' },
        out: string,
        svg: string,
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

function peersOf(text: string | undefined): readonly Peer[] {
  if (text === undefined) return []
  return [...new Set(text.split(','))].map((name) => {
    const found = PEER_NAMES.find((known) => known === name)
    if (found === undefined) throw new UsageError(`--peers has "${name}"; there is ${PEER_NAMES.join(', ')}`)
    return PEERS[found]
  })
}

function folder(name: string, path: string): string {
  if (existsSync(path) && statSync(path).isDirectory()) return path
  throw new UsageError(`--${name} needs the folder "${path}", which is not there`)
}
