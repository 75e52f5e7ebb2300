import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { buildGo } from '../../harness/go.ts'
import { runCommand } from './run.ts'

const SOURCE = fileURLToPath(new URL('../go', import.meta.url))

const result = z.object({ seconds: z.number().positive(), messages: z.int().positive() })

/** Runs the program in Go that publishes and consumes; its options are in main.go. @returns messages a second */
export type Load = (options: Readonly<Record<string, string | number>>) => Promise<number>

/** Builds it. */
export async function buildLoad(): Promise<Load> {
  const program = await buildGo(SOURCE, '.', 'bench', 'load')
  return async (options) => {
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
    const { seconds, messages } = result.parse(await runCommand(program, args))
    return Math.round(messages / seconds)
  }
}
