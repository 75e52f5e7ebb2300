import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { whenLeaving } from './leaving.ts'

/**
 * Starts a process that does not outlive this one: when this process ends, it is killed, with what it started itself. It has a
 * process group of its own, so Ctrl-C reaches it in that way only.
 */
export function spawnChild(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(command, args, { ...options, detached: true })
  const forget = whenLeaving(() => killGroup(child))
  child.once('exit', forget)
  child.once('error', forget)
  return child
}

/** Waits until `child` has gone; at once when it has. */
export async function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) await once(child, 'exit')
}

/** Sends `signal` and waits until the process has gone. */
export async function endChild(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal)
  await exited(child)
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It has gone by itself.
  }
}
