import type { ParseArgsOptionsConfig } from 'node:util'
import type { Backend } from './backends/backend.ts'

/** What a command has to do with. */
export interface Invocation {
  /** What stands behind the command's name and is no option. */
  readonly args: readonly string[]
  readonly text: (option: string) => string | undefined
  readonly flag: (option: string) => boolean
  readonly list: (option: string) => readonly string[]
  readonly backend: () => Promise<Backend>
  /** Where nats-server is. */
  readonly natsUrl: () => string
  readonly json: boolean
  /** Writes a line, or with -o json a value, to standard output. */
  readonly print: (line: string, value: unknown) => void
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
}

export interface Command {
  /** As it is written: `queues`, `dlq redrive`. */
  readonly name: string
  /** What follows the name. */
  readonly usage: string
  readonly summary: string
  readonly options: ParseArgsOptionsConfig
  /** The exit code. */
  readonly run: (invocation: Invocation) => Promise<number>
}

/** The command was written wrongly: exit code 2. */
export class UsageError extends Error {}

/** The only argument, such as the name of a Queue. Throws UsageError. */
export function only({ args }: Invocation, what: string): string {
  const [value, ...more] = args
  if (value === undefined) throw new UsageError(`${what} is missing`)
  if (more.length > 0) throw new UsageError(`there is one argument too many: ${more.join(' ')}`)
  return value
}

/** A whole number from 1 on; undefined: not given. Throws UsageError. */
export function whole({ text }: Invocation, option: string): number | undefined {
  const given = text(option)
  if (given === undefined) return undefined
  const number = Number(given)
  if (/^\d+$/.test(given) && number >= 1) return number
  throw new UsageError(`--${option} is "${given}"; it has to be a whole number, 1 or more`)
}
