// Makes every generated file, or with --check says which are not as their source makes them.
import { spawnSync } from 'node:child_process'

const codes = ['crds/generate.ts', 'charts/generate.ts'].map(
  (script) => spawnSync(process.execPath, [script, ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 1,
)
process.exitCode = Math.max(...codes)
