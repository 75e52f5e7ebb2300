import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { generatedFiles } from './generated-files.ts'

/** Writes the generated files; with `--check` writes nothing and exits with 1 when one differs from what would be written. */
const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const root = join(import.meta.dirname, '..')

const stale: string[] = []
for (const [path, text] of generatedFiles()) {
  const file = join(root, path)
  const current = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (current === text) continue
  stale.push(path)
  if (values.check) continue
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
}
if (values.check && stale.length > 0) {
  console.error(`not what the schemas make: ${stale.join(', ')}; run npm run generate and commit the result`)
  process.exitCode = 1
} else if (!values.check) {
  console.log(stale.length === 0 ? 'all generated files are fresh' : `written: ${stale.join(', ')}`)
}
