import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { entries } from '../machine.ts'
import { containerdSocket } from '../paths.ts'

/** Ends what containerd leaves when it was killed: a shim for each pod, which would live on without it. */
export async function endShims(): Promise<void> {
  const pids = (await entries('/proc')).filter((name) => /^\d+$/.test(name))
  for (const pid of pids) {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (isOurShim(commandLine, containerdSocket)) process.kill(Number(pid), 'SIGKILL')
  }
}

/** Whether a command line, its arguments ended by NUL, is that of a shim of the containerd at this socket. */
export function isOurShim(commandLine: string, socket: string): boolean {
  const [program = '', ...args] = commandLine.split('\0')
  return basename(program).startsWith('containerd-shim') && args[args.indexOf('-address') + 1] === socket
}
