import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { buildGo } from '../../harness/go.ts'
import { runCommand } from './run.ts'

const SOURCE = fileURLToPath(new URL('../go', import.meta.url))

const result = z.object({
  seconds: z.number().positive(),
  messages: z.int().nonnegative(),
  all: z.int().nonnegative(),
  published: z.int().nonnegative().optional(),
})

/** What a run of the load came to. */
export interface Loaded {
  /** Messages a second. */
  readonly rate: number
  /** Messages with those of the warm-up, which do not count for the rate. */
  readonly all: number
  /** Acknowledged publishes a second, where it published while it consumed. */
  readonly publishRate: number
}

/** Runs the program in Go that publishes and consumes; its options are in main.go. */
export type Load = (options: Readonly<Record<string, string | number>>) => Promise<Loaded>

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
    const { seconds, messages, all, published = 0 } = result.parse(await program(options))
    return { rate: Math.round(messages / seconds), all, publishRate: Math.round(published / seconds) }
  }

export const buildLoad = async (): Promise<Load> => loadOf(await buildProgram())
