import { access, constants, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Finds a program on PATH and where administrators' programs are. */
export async function programPath(name: string): Promise<string | undefined> {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/bin']
  for (const folder of folders.filter(Boolean)) {
    const path = join(folder, name)
    if (await exists(path, constants.X_OK)) return path
  }
  return undefined
}

/** @throws Error when the program is missing. */
export async function requireProgram(name: string): Promise<string> {
  const path = await programPath(name)
  if (!path)
    throw new Error(`${name} is not installed; run "npm run cluster -- up" as root on Debian, which installs it`)
  return path
}

export const exists = (path: string, mode: number = constants.F_OK): Promise<boolean> =>
  access(path, mode).then(
    () => true,
    () => false,
  )

const sysctlPath = (name: string) => join('/proc/sys', name.replaceAll('.', '/'))

export const readSysctl = (name: string): Promise<string | undefined> =>
  readFile(sysctlPath(name), 'utf8').then(
    (value) => value.trim(),
    () => undefined,
  )

export const writeSysctl = (name: string, value: string): Promise<void> => writeFile(sysctlPath(name), value)

export const bootId = async (): Promise<string> => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()

/** One line of /proc/self/mountinfo: where, and of what file system type. */
export type Mount = { path: string; type: string }

export async function mounts(): Promise<Mount[]> {
  return parseMounts(await readFile('/proc/self/mountinfo', 'utf8'))
}

/** Reads mountinfo (proc_pid_mountinfo(5)); paths have their octal escapes undone. */
export function parseMounts(mountinfo: string): Mount[] {
  return mountinfo
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [before = '', after = ''] = line.split(' - ')
      const path = (before.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, code) =>
        String.fromCharCode(parseInt(code, 8)),
      )
      return { path, type: after.split(' ')[0] ?? '' }
    })
}

/** Where control group hierarchies are mounted: several for version 1, one for version 2, or both. */
export async function cgroupHierarchies(): Promise<string[]> {
  return (await mounts()).filter(({ type }) => type === 'cgroup' || type === 'cgroup2').map(({ path }) => path)
}

export const entries = (folder: string): Promise<string[]> => readdir(folder).catch(() => [])
