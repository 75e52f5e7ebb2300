import { mkdir, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheFolder } from '../harness/cache.ts'
import type { Program } from './language.ts'
import { runTool } from './tool.ts'

const SOURCE = fileURLToPath(new URL('go', import.meta.url))

/** Builds the Go client; Go itself knows when nothing changed. */
export const goClient = (): Promise<Program> => goProgram('client', '.')

/** Builds a Go program of the same module, which is in the folder of its name. */
export async function goProgram(name: string, folder = `./${name}`): Promise<Program> {
  const command = cacheFolder('clients', 'go', name)
  await mkdir(dirname(command), { recursive: true })
  const unfinished = `${command}.${process.pid}`
  await runTool('go', ['build', '-o', unfinished, folder], { cwd: SOURCE, missing: 'install Go 1.26 or newer' })
  await rename(unfinished, command)
  return { command, args: [] }
}
