import { spawnSync } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { exited, spawnChild } from './children.ts'

/** Runs a tool to its end; throws, with what it printed, when it fails, and with `missing` when it is not there. */
export async function runTool(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly missing: string },
): Promise<void> {
  const child = spawnChild(command, args, { cwd: options.cwd, stdio: ['ignore', 'ignore', 'pipe'] })
  const failed = Promise.withResolvers<never>()
  child.once('error', (error) =>
    failed.reject(new Error(`${command} cannot be run; ${options.missing}`, { cause: error })),
  )
  const errors = child.stderr === null ? '' : await Promise.race([text(child.stderr), failed.promise])
  await Promise.race([exited(child), failed.promise])
  if (child.exitCode !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${child.exitCode}:\n${errors}`)
}

/** Whether a tool is there and answers. */
export const hasTool = (command: string, args: readonly string[]): boolean =>
  spawnSync(command, [...args], { stdio: 'ignore' }).status === 0
