// `npm test`: every test there is, in the order of what it starts; what this machine cannot run is named at the end.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

const SUITES: readonly Suite[] = [
  { project: 'unit', cannot: () => undefined },
  { project: 'nats', cannot: () => undefined },
  { project: 'api-server', cannot: () => (process.platform === 'linux' ? undefined : 'needs Linux') },
  { project: 'local-cluster', cannot: notLinuxRoot },
  { project: 'cluster', cannot: notLinuxRoot },
]

const { values, positionals } = parseArgs({
  options: { project: { type: 'string', multiple: true } },
  allowPositionals: true,
})
const outcomes: Outcome[] = []
const folder = mkdtempSync(join(tmpdir(), 'pillion-tests-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

for (const { project, cannot } of SUITES) {
  if (values.project !== undefined && !values.project.includes(project)) continue
  const reason = cannot()
  if (reason !== undefined) outcomes.push({ passed: 0, failed: [], skipped: [`${project}: ${reason}`] })
  else outcomes.push(await run(project))
}

const { lines, failed, skipped } = summary(outcomes)
console.log(lines.join('\n'))
if (failed > 0) process.exitCode = 1
else if (skipped > 0 && process.env.CI) {
  console.log('in CI nothing may be skipped')
  process.exitCode = 1
}

async function run(project: string): Promise<Outcome> {
  const file = join(folder, `${project}.json`)
  const started = Date.now()
  console.log(`\n── ${project} tests`)
  const args = ['run', '--config', 'test/vitest.config.ts', '--project', project, '--passWithNoTests', ...positionals]
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${file}`]
  const child = spawn('vitest', [...args, ...reporters], { stdio: 'inherit' })
  const code = await new Promise<number>((done) => child.once('exit', (status) => done(status ?? 1)))
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
