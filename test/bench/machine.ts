import { readFile, realpath } from 'node:fs/promises'
import { cpus, release, totalmem, type } from 'node:os'
import { MEBIBYTE } from '../harness/resident.ts'

/** What figures depend on, and nothing that says whose machine it is. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  /** Its name and version. */
  readonly kernel: string
  /** Of the folder where the brokers stored; `unknown` other than on Linux. */
  readonly fileSystem: string
}

/** @param folder where the brokers store */
export async function machine(folder: string): Promise<Machine> {
  const processors = cpus()
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / (1024 * MEBIBYTE)),
    // What follows the number is of whoever built it.
    kernel: `${type()} ${release().split('-', 1)[0]}`,
    fileSystem: await readFile('/proc/self/mountinfo', 'utf8').then(
      async (mounts) => fileSystemOf(mounts, await realpath(folder)),
      () => 'unknown',
    ),
  }
}

/**
 * The type of the file system that a path is on: that of the longest mount point above it.
 *
 * @param mounts of the form of /proc/self/mountinfo
 */
export function fileSystemOf(mounts: string, path: string): string {
  const above = mounts
    .split('\n')
    .map((line) => ({ point: line.split(' ')[4] ?? '', kind: / - (\S+)/.exec(line)?.[1] ?? 'unknown' }))
    .filter(({ point }) => point !== '' && `${path}/`.startsWith(point === '/' ? '/' : `${point}/`))
  // Of mounts on the same point the last hides the others.
  return above.toReversed().toSorted((a, b) => b.point.length - a.point.length)[0]?.kind ?? 'unknown'
}
