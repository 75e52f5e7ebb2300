// `npm test`: every test there is, in two rows side by side; what this machine cannot run is named at the end.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { parseArgs } from 'node:util'
import { type Outcome, readOutcome, summary } from './outcome.ts'

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

/** Most tests wait most of the time, so two rows share a machine; within a row, the later ones start more of the real thing. */
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

const WIDTH = Math.max(...ROWS.flat().map(({ project }) => project.length))

const { values, positionals } = parseArgs({
  options: { project: { type: 'string', multiple: true } },
  allowPositionals: true,
})
const folder = mkdtempSync(join(tmpdir(), 'pillion-tests-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

const outcomes = await Promise.all(ROWS.map(runRow))
const { lines, failed, skipped } = summary(outcomes.flat())
console.log(lines.join('\n'))
if (failed > 0) process.exitCode = 1
else if (skipped > 0 && process.env.CI) {
  console.log('in CI nothing may be skipped')
  process.exitCode = 1
}

async function runRow(suites: readonly Suite[]): Promise<Outcome[]> {
  const row: Outcome[] = []
  for (const { project, cannot } of suites) {
    if (values.project !== undefined && !values.project.includes(project)) continue
    const reason = cannot()
    if (reason !== undefined) row.push({ passed: 0, failed: [], skipped: [`${project}: ${reason}`] })
    else row.push(await run(project))
  }
  return row
}

async function run(project: string): Promise<Outcome> {
  const file = join(folder, `${project}.json`)
  const started = Date.now()
  console.log(`── ${project} tests`)
  const args = ['run', '--config', 'test/vitest.config.ts', '--project', project, '--passWithNoTests', ...positionals]
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  const child = spawn('vitest', [...args, ...reporters], { stdio: ['ignore', 'pipe', 'pipe'] })
  for (const output of [child.stdout, child.stderr]) tell(project, output)
  const code = await new Promise<number>((done) => child.once('close', (status) => done(status ?? 1)))
  console.log(`── ${project}: ${Math.round((Date.now() - started) / 1000)} s`)
  return readOutcome(project, code, readText(file))
}

/** Says which suite each line is of, since two of them speak at once. */
function tell(project: string, output: Readable): void {
  createInterface(output).on('line', (line) => console.log(`${project.padEnd(WIDTH)}  ${line}`))
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
