import { mkdir, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runTool } from '../../clients/tool.ts'
import { cacheFolder } from '../../harness/cache.ts'

const SOURCE = fileURLToPath(new URL('../go', import.meta.url))

/** Builds the publishing client; Go itself knows when nothing changed. Its path. */
export async function publishProgram(): Promise<string> {
  const command = cacheFolder('bench', 'publish')
  await mkdir(dirname(command), { recursive: true })
  const unfinished = `${command}.${process.pid}`
  await runTool('go', ['build', '-o', unfinished, '.'], { cwd: SOURCE, missing: 'install Go 1.26 or newer' })
  await rename(unfinished, command)
  return command
}
