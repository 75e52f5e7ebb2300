import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { buildGo } from '../../harness/go.ts'
import { runCommand } from './run.ts'

const SOURCE = fileURLToPath(new URL('../go', import.meta.url))

const result = z.object({ seconds: z.number().positive(), messages: z.int().positive() })

/** Runs the program in Go that publishes and consumes; its options are in main.go. @returns messages a second */
export type Load = (options: Readonly<Record<string, string | number>>) => Promise<number>

/** The same program, whatever it is to do. @returns what it prints */
export type Program = (options: Readonly<Record<string, string | number>>) => Promise<unknown>

/** Builds it. */
export async function buildProgram(): Promise<Program> {
  const program = await buildGo(SOURCE, '.', 'bench', 'load')
  return (options) =>
    runCommand(
      program,
      Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]),
    )
}

export const loadOf =
  (program: Program): Load =>
  async (options) => {
    const { seconds, messages } = result.parse(await program(options))
    return Math.round(messages / seconds)
  }

export const buildLoad = async (): Promise<Load> => loadOf(await buildProgram())
