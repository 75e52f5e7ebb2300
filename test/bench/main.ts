import { consume } from './benches/consume.ts'
import { latency } from './benches/latency.ts'
import { memory } from './benches/memory.ts'
import { tx } from './benches/tx.ts'
import { publish } from './benches/publish.ts'
import { type BenchOptions, readOptions, UsageError, usage } from './options.ts'
import { type Row, table } from './row.ts'

type Bench = (options: BenchOptions, progress: (line: string) => void) => Promise<Row[]>

interface Known {
  readonly run: Bench
  readonly messages: number
  readonly durability?: string
  readonly about: string
}

const BENCHES: Readonly<Record<string, Known>> = {
  consume: { run: consume, messages: 100_000, about: 'consume + acknowledge of a full queue' },
  publish: {
    run: publish,
    messages: 200_000,
    durability: 'Always',
    about: 'acknowledged publishes with 1, 10, 100 and 1,000 in flight, for 3 s at most; needs Go',
  },
  latency: { run: latency, messages: 5000, about: 'from publish to delivery, 500 a second, to a waiting consumer' },
  memory: { run: memory, messages: 1_000_000, about: 'of the sidecar with so many waiting; raw: the same with 1,000' },
  tx: {
    run: tx,
    messages: 2000,
    about: 'transactions of 2 sends and 1 acknowledgement, Fifo; raw: the same without one',
  },
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    process.stdout.write(usage(BENCHES))
    return
  }
  const { bench, options, json } = readOptions(args, BENCHES)
  const results = await BENCHES[bench]?.run(options, (line) => process.stderr.write(`${line}\n`))
  process.stdout.write(`${json ? JSON.stringify({ results }) : table(results ?? [])}\n`)
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  if (error instanceof UsageError) process.stderr.write('npm run bench -- --help lists the options\n')
  process.exit(error instanceof UsageError ? 2 : 1)
}
