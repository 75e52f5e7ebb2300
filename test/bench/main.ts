import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { both } from './benches/both.ts'
import { consume } from './benches/consume.ts'
import { depth } from './benches/depth.ts'
import { fanout } from './benches/fanout.ts'
import { latency } from './benches/latency.ts'
import { memory } from './benches/memory.ts'
import { priority } from './benches/priority.ts'
import { publish } from './benches/publish.ts'
import { size } from './benches/size.ts'
import { start } from './benches/start.ts'
import { tx } from './benches/tx.ts'
import { charts } from './chart/charts.ts'
import { machine } from './machine.ts'
import { type Benches, type BenchOptions, readOptions, UsageError, usage } from './options.ts'
import { asText, type Report, repeats } from './report.ts'
import type { Row } from './row.ts'

type Bench = (options: BenchOptions, progress: (line: string) => void) => Promise<Row[]>

const BENCHES: Readonly<Record<string, Benches[string] & { readonly run: Bench }>> = {
  consume: {
    run: consume,
    messages: 100_000,
    quick: 10_000,
    peers: true,
    about: 'consume + acknowledge of a full queue',
  },
  publish: {
    run: publish,
    messages: 200_000,
    quick: 200_000,
    durability: 'Always',
    peers: true,
    about: 'acknowledged publishes with 1, 10, 100 and 1,000 in flight, for 3 s at most; needs Go',
  },
  both: {
    run: both,
    messages: 200_000,
    quick: 50_000,
    durability: 'Always',
    about: 'consume + acknowledge while 100 publishes are in flight, for 3 s at most; needs Go',
  },
  depth: {
    run: depth,
    messages: 20_000,
    quick: 2000,
    about: 'consume + acknowledge with 0, 10,000, 100,000 and 1,000,000 more waiting behind; needs Go',
  },
  size: {
    run: size,
    messages: 20_000,
    quick: 2000,
    durability: 'Always',
    about: 'publish with 100 in flight, and consume, of 64 B, 256 B, 4 KiB, 64 KiB and 1 MiB; needs Go',
  },
  fanout: {
    run: fanout,
    messages: 50_000,
    quick: 4000,
    durability: 'Always',
    about: 'deliveries to 1, 4 and 16 consumers that see every message, or share them; needs Go',
  },
  priority: {
    run: priority,
    messages: 20_000,
    quick: 3000,
    about: 'publish to delivery of urgent messages, one after every 100 of a full queue; raw: no priority',
  },
  start: {
    run: start,
    messages: 100,
    quick: 100,
    durability: 'Always',
    about: 'from starting a broker with a manifest to the first message acknowledged',
  },
  latency: {
    run: latency,
    messages: 5000,
    quick: 1000,
    about: 'from publish to delivery, 100, 500 and 2,000 a second for 10 s at most, to a waiting consumer',
  },
  memory: {
    run: memory,
    messages: 1_000_000,
    quick: 20_000,
    about: 'of the sidecar with so many waiting; raw: the same with 1,000',
  },
  tx: {
    run: tx,
    messages: 2000,
    quick: 300,
    peers: true,
    about: 'transactions of 2 sends and 1 acknowledgement, Fifo; raw: the same without one',
  },
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    process.stdout.write(usage(BENCHES))
    return
  }
  const { runs, json, out, svg } = readOptions(args, BENCHES)
  const results: Row[] = []
  const failed: Array<Report['failed'][number]> = []
  for (const { bench, options } of runs) {
    try {
      results.push(...((await BENCHES[bench]?.run(options, say)) ?? []))
    } catch (error) {
      say(error instanceof Error ? (error.stack ?? error.message) : String(error))
      failed.push({ bench, reason: error instanceof Error ? error.message : String(error) })
    }
  }
  const command = repeats(args)
  const report: Report = { command, machine: await machine(runs[0]?.options.folder ?? tmpdir()), results, failed }
  if (out !== undefined) await writeFile(out, `${JSON.stringify(report, undefined, 2)}\n`)
  if (svg !== undefined) {
    for (const [name, text] of charts(report)) await writeFile(join(svg, `${name}.svg`), text)
  }
  process.stdout.write(`${json ? JSON.stringify(report) : asText(report)}\n`)
  if (failed.length > 0) process.exitCode = 1
}

const say = (line: string): void => void process.stderr.write(`${line}\n`)

try {
  await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  if (error instanceof UsageError) process.stderr.write('npm run bench -- --help lists the options\n')
  process.exit(error instanceof UsageError ? 2 : 1)
}
