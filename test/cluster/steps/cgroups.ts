import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cgroupHierarchies, entries, exists } from '../machine.ts'
import { cgroupName } from '../settings.ts'

/** Makes the parent of every pod's control group, in each hierarchy; the kubelet wants it to be there. */
export async function makeCgroups(): Promise<void> {
  for (const hierarchy of await cgroupHierarchies()) {
    const folder = join(hierarchy, cgroupName)
    await mkdir(folder, { recursive: true })
    for (const setting of ['cpuset.cpus', 'cpuset.mems']) await inherit(folder, setting)
  }
}

/** Ends what still runs in the cluster's control groups, then removes them. */
export async function removeCgroups(): Promise<void> {
  for (const hierarchy of await cgroupHierarchies()) {
    const folder = join(hierarchy, cgroupName)
    if (await exists(folder)) await removeTree(folder)
  }
}

async function removeTree(folder: string): Promise<void> {
  for (const name of await entries(folder)) {
    const path = join(folder, name)
    if (await exists(join(path, 'cgroup.procs'))) await removeTree(path)
  }
  for (const pid of await processes(folder)) killQuietly(pid)
  for (let attempt = 0; (await processes(folder)).length > 0 && attempt < 100; attempt++) await sleep(50)
  await rmdir(folder)
}

async function processes(folder: string): Promise<number[]> {
  const text = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '')
  return text.split('\n').filter(Boolean).map(Number)
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself meanwhile.
  }
}

/** A new cpuset of version 1 is empty and takes no process until it has processors and memory. */
async function inherit(folder: string, setting: string): Promise<void> {
  const path = join(folder, setting)
  const own = await readFile(path, 'utf8').catch(() => undefined)
  if (own === undefined || own.trim() !== '') return
  const parent = (await readFile(join(dirname(folder), setting), 'utf8').catch(() => '')).trim()
  if (parent) await writeFile(path, parent)
}
