// `npm test`: every test there is, in two rows side by side; what this machine cannot run is named at the end.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Outcome, readOutcome, summary } from './outcome.ts'

/** For the last lines of a suite that has ended. Milliseconds. */
const LAST_LINES_MS = 2000

interface Suite {
  readonly project: string
  /** Why this machine cannot run it; undefined when it can. */
  readonly cannot: () => string | undefined
}

const notLinuxRoot = (): string | undefined => {
  if (process.platform !== 'linux') return 'needs Linux'
  if (process.getuid?.() !== 0) return 'needs root, for containers and network namespaces'
  return undefined
}

/** Those of a row one after another, each row in the order of what it starts. Most tests wait, so that two rows take little longer than one. */
const ROWS: ReadonlyArray<readonly Suite[]> = [
  [
    { project: 'unit', cannot: () => undefined },
    { project: 'nats', cannot: () => undefined },
  ],
  [
    { project: 'api-server', cannot: () => (process.platform === 'linux' ? undefined : 'needs Linux') },
    { project: 'local-cluster', cannot: notLinuxRoot },
    { project: 'cluster', cannot: notLinuxRoot },
  ],
]

const { values, positionals } = parseArgs({
  options: { project: { type: 'string', multiple: true } },
  allowPositionals: true,
})
const folder = mkdtempSync(join(tmpdir(), 'pillion-tests-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

const rows = ROWS.map((row) => row.filter(({ project }) => values.project?.includes(project) ?? true)).filter(
  (row) => row.length > 0,
)
const outcomes = (await Promise.all(rows.map(runRow))).flat()

const { lines, failed, skipped } = summary(outcomes)
console.log(lines.join('\n'))
if (failed > 0) process.exitCode = 1
else if (skipped > 0 && process.env.CI) {
  console.log('in CI nothing may be skipped')
  process.exitCode = 1
}

async function runRow(row: readonly Suite[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const { project, cannot } of row) {
    const reason = cannot()
    if (reason !== undefined) outcomes.push({ passed: 0, failed: [], skipped: [`${project}: ${reason}`] })
    else outcomes.push(await run(project))
  }
  return outcomes
}

async function run(project: string): Promise<Outcome> {
  const file = join(folder, `${project}.json`)
  const started = Date.now()
  console.log(`\n── ${project} tests`)
  const args = ['run', '--config', 'test/vitest.config.ts', '--project', project, '--passWithNoTests', ...positionals]
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${file}`]
  const isAlone = rows.length === 1
  const child = spawn('vitest', [...args, ...reporters], { stdio: isAlone ? 'inherit' : ['ignore', 'pipe', 'pipe'] })
  // Lines of two rows come in between each other, so each says whose it is.
  const said = [child.stdout, child.stderr].filter((stream) => stream !== null)
  for (const input of said) createInterface({ input }).on('line', (line) => console.log(`${project} │ ${line}`))
  const closed = new Promise<void>((done) => child.once('close', () => done()))
  const code = await new Promise<number>((done) => child.once('exit', (status) => done(status ?? 1)))
  // What it left running may have its output still.
  await Promise.race([closed, delay(LAST_LINES_MS, undefined, { ref: false })])
  for (const stream of said) stream.destroy()
  console.log(`── ${project}: ${Math.round((Date.now() - started) / 1000)} s`)
  return readOutcome(project, code, readText(file))
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
