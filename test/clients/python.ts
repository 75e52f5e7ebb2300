import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheFolder } from '../harness/cache.ts'
import type { Program } from './language.ts'
import { runTool } from '../harness/tool.ts'

const SOURCE = fileURLToPath(new URL('python', import.meta.url))
const REQUIREMENTS = join(SOURCE, 'requirements.txt')

export const pythonClient = (): Promise<Program> => pythonProgram('main.py')

/** Installs the pinned packages into a virtual environment of their own, once for each content of requirements.txt. */
export async function pythonProgram(file: string): Promise<Program> {
  const hash = createHash('sha256')
    .update(await readFile(REQUIREMENTS))
    .digest('hex')
    .slice(0, 12)
  const folder = cacheFolder('clients', `python-${hash}`)
  const command = join(folder, 'bin', 'python')
  const complete = join(folder, 'complete')
  if (!existsSync(complete)) {
    const missing = 'install Python 3 with its venv module'
    await runTool('python3', ['-m', 'venv', '--clear', folder], { cwd: SOURCE, missing })
    await runTool(command, ['-m', 'pip', 'install', '--quiet', '-r', REQUIREMENTS], { cwd: SOURCE, missing })
    await writeFile(complete, '')
  }
  return { command, args: [join(SOURCE, file)] }
}
