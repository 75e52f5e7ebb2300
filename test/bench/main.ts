import { consume } from './benches/consume.ts'
import { type BenchOptions, readOptions, UsageError, usage } from './options.ts'
import { type Row, table } from './row.ts'

type Bench = (options: BenchOptions, progress: (line: string) => void) => Promise<Row[]>

const BENCHES: Readonly<Record<string, Bench>> = { consume }

async function main(args: readonly string[]): Promise<void> {
  const names = Object.keys(BENCHES)
  if (args.includes('--help')) {
    process.stdout.write(usage(names))
    return
  }
  const { bench, options, json } = readOptions(args, names)
  const results = await BENCHES[bench]?.(options, (line) => process.stderr.write(`${line}\n`))
  process.stdout.write(`${json ? JSON.stringify({ results }) : table(results ?? [])}\n`)
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  if (error instanceof UsageError) process.stderr.write('npm run bench -- --help lists the options\n')
  process.exit(error instanceof UsageError ? 2 : 1)
}
