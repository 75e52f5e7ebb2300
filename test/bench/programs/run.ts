import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { exited, spawnChild } from '../../harness/children.ts'

/** Runs a program of this folder in a process of its own and reads the JSON object that it prints. */
export function runProgram(name: string, args: readonly string[]): Promise<unknown> {
  const path = fileURLToPath(new URL(`${name}.ts`, import.meta.url))
  return runCommand(process.execPath, [path, ...args])
}

/** Runs a command and reads the JSON object that it prints. */
export async function runCommand(command: string, args: readonly string[]): Promise<unknown> {
  const child = spawnChild(command, [...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const output = child.stdout === null ? '' : await text(child.stdout)
  await exited(child)
  if (child.exitCode !== 0) {
    throw new Error(`${command} ${args.join(' ')} ended with ${child.signalCode ?? `code ${child.exitCode}`}`)
  }
  return JSON.parse(output)
}
