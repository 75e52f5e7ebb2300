// Types, lint, format, dead code, and generated files; the chart's lint is among the tests. Every one is run, so that one look shows all that is wrong.
import { spawnSync } from 'node:child_process'

const CHECKS = [
  ['types', 'tsc', '--noEmit', '-p', '.'],
  ['lint', 'oxlint', '--quiet'],
  ['format', 'biome', 'format', '.'],
  ['dead code', 'knip'],
  ['generated files', 'node', '.ci/generate.mjs', '--check'],
]

const failed = []
for (const [name, command, ...args] of CHECKS) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name}`)
  if (status !== 0) {
    failed.push(name)
    console.log(`${stdout ?? ''}${stderr ?? ''}`.trimEnd())
  }
}
if (failed.length > 0) {
  console.log(`checks failed: ${failed.join(', ')}`)
  process.exit(1)
}
