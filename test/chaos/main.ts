// `npm run chaos`: whether anything is lost, doubled or unaccounted for, whenever a part of the broker is killed.
import { runChaos } from './chaos.ts'
import { whyNoPowerCuts } from '../harness/disk.ts'
import { readOptions, UsageError, USAGE } from './options.ts'
import { isWrong as isWrongPut, runPutChaos } from './puts/run.ts'
import { isWrong as isWrongTx, runTxChaos } from './transactions/run.ts'

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(USAGE)
    return 0
  }
  const { json, workload, transactions, brokers, ...settings } = readOptions(args)
  const { seed, kills, powerCuts } = settings
  const missing = powerCuts ? whyNoPowerCuts() : undefined
  if (missing !== undefined) throw new UsageError(missing)
  process.stderr.write(`seed ${seed}\n`)
  const onKill = (number: number, victim: string): void => {
    if (process.stderr.isTTY) process.stderr.write(`\rkill ${number} of ${kills}: ${victim}\u001B[K`)
    else if (number % 25 === 0) process.stderr.write(`kill ${number} of ${kills}\n`)
  }
  const told = <Report extends object>(report: Report, isWrong: (report: Report) => boolean): number => {
    tell(report, json)
    return isWrong(report) ? 1 : 0
  }
  switch (workload) {
    case 'tx':
      return told(await runTxChaos({ seed, kills, transactions, brokers }, onKill), isWrongTx)
    case 'put':
      return told(await runPutChaos({ seed, kills }, onKill), isWrongPut)
    case 'queues':
      return told(
        await runChaos(settings, onKill),
        ({ lost, duplicates, unaccounted }) => lost + duplicates + unaccounted > 0,
      )
    default:
      return workload satisfies never
  }
}

function tell(report: object, json: boolean): void {
  const lines = Object.entries(report).map(
    ([name, value]) => `${name.padEnd(16)}${Array.isArray(value) ? value.join(', ') || '-' : String(value)}\n`,
  )
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : lines.join(''))
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`chaos: ${error.message}\nnpm run chaos -- --help lists the options\n`)
  } else {
    process.stderr.write(`chaos: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  }
  process.exitCode = 2
}
