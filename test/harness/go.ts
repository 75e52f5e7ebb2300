import { mkdir, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { runTool } from './tool.ts'
import { cacheFolder } from './cache.ts'

/**
 * Builds a Go program; Go itself knows when nothing changed.
 *
 * @param source the folder of its module
 * @param folder of the program below that
 * @param cached where it is kept
 * @returns its path
 */
export async function buildGo(source: string, folder: string, ...cached: string[]): Promise<string> {
  const command = cacheFolder(...cached)
  await mkdir(dirname(command), { recursive: true })
  const unfinished = `${command}.${process.pid}`
  await runTool('go', ['build', '-o', unfinished, folder], { cwd: source, missing: 'install Go 1.26 or newer' })
  await rename(unfinished, command)
  return command
}
