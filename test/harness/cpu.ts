import { readFile } from 'node:fs/promises'

/** What Linux counts processor time in, on every architecture that it tells programs of. Seconds. */
const TICK = 1 / 100

/** Processor time that a process has used, its own and the kernel's for it. Seconds, in hundredths. Linux only. */
export async function cpuSeconds(pid: number): Promise<number> {
  return cpuTicks(await readFile(`/proc/${pid}/stat`, 'utf8')) * TICK
}

/** utime and stime together. @param stat of the form of /proc/<pid>/stat, where the name of the program may have spaces and brackets of its own */
export function cpuTicks(stat: string): number {
  // The third field is the first one behind the name.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user, system] = [Number(fields[11]), Number(fields[12])]
  if (!Number.isInteger(user) || !Number.isInteger(system))
    throw new Error(`not of the form of /proc/<pid>/stat: ${stat}`)
  return user + system
}

/** The first process that a process has started and that is still there; 0: none. Linux only, elsewhere 0. */
export async function firstChild(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  return Number(children.split(' ')[0])
}
