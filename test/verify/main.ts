import { reason } from './connect.ts'
import { readOptions, USAGE, UsageError } from './options.ts'
import { exitCode, formatReport, type Report } from './report.ts'
import { runVerifier } from './verifier.ts'

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(USAGE)
    return 0
  }
  const { options, json } = readOptions(args)
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())
  const report = await runVerifier(options, { signal: stop.signal, onProgress: progress(process.stderr.isTTY) })
  process.stdout.write(`${json ? JSON.stringify(report) : formatReport(report)}\n`)
  return exitCode(report)
}

/** On a terminal one line that is written over, else a line every ten seconds. */
function progress(terminal: boolean): (report: Report) => void {
  let calls = 0
  return (report) => {
    const line = `published ${report.published} acknowledged ${report.acknowledged} consumed ${report.consumed} duplicates ${report.duplicates} retries ${report.publishRetries}`
    if (terminal) process.stderr.write(`\r${line}\u001B[K`)
    else if (++calls % 10 === 0) process.stderr.write(`${line}\n`)
  }
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`verify: ${reason(error)}\n`)
  if (error instanceof UsageError) process.stderr.write('npm run verify -- --help lists the options\n')
  process.exitCode = 2
}
