import { fileURLToPath } from 'node:url'
import { buildGo } from '../harness/go.ts'
import type { Program } from './language.ts'

const SOURCE = fileURLToPath(new URL('go', import.meta.url))

/** Builds the Go client; Go itself knows when nothing changed. */
export const goClient = (): Promise<Program> => goProgram('client', '.')

/** Builds a Go program of the same module, which is in the folder of its name. */
export async function goProgram(name: string, folder = `./${name}`): Promise<Program> {
  return { command: await buildGo(SOURCE, folder, 'clients', 'go', name), args: [] }
}
