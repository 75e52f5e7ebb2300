import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bootId, entries, exists, readSysctl, writeSysctl } from '../machine.ts'
import { state, stateRoot } from '../paths.ts'

/** The machine as it was before the first `up`, for `down` to restore. */
export type Before = { boot: string; sysctls: Record<string, string>; absentFolders: string[] }

/** What the cluster, or a program of it, changes. */
const changedSysctls = [
  'net.ipv4.ip_forward',
  'net.bridge.bridge-nf-call-iptables',
  'vm.overcommit_memory',
  'vm.panic_on_oom',
  'kernel.panic',
  'kernel.panic_on_oops',
  'kernel.keys.root_maxkeys',
  'kernel.keys.root_maxbytes',
]

/** Folders outside the cluster's own that its programs make, by paths that cannot be set. */
const foldersMade = [
  '/etc/cni',
  '/opt/cni',
  '/run/containerd',
  '/run/mount',
  '/run/netns',
  '/usr/libexec/kubernetes',
  '/var/lib/cni',
  '/var/lib/kubelet',
  '/var/log/containers',
]

/** Notes the machine's settings unless that was done since the last boot. */
export async function noteBefore(): Promise<void> {
  const noted = await readBefore()
  const boot = await bootId()
  if (noted?.boot === boot) return
  const sysctls: Record<string, string> = {}
  for (const name of [...changedSysctls, ...(await forwardingSysctls())]) {
    const value = await readSysctl(name)
    if (value !== undefined) sysctls[name] = value
  }
  const checks = foldersMade.map(async (folder) => ((await exists(folder)) ? [] : [folder]))
  const absentFolders = noted?.absentFolders ?? (await Promise.all(checks)).flat()
  await mkdir(stateRoot, { recursive: true, mode: 0o711 })
  await writeFile(state.before, JSON.stringify({ boot, sysctls, absentFolders } satisfies Before, null, 2))
}

export async function readBefore(): Promise<Before | undefined> {
  const text = await readFile(state.before, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : JSON.parse(text)
}

/** Settings of an earlier boot are gone by themselves. */
export async function restoreSysctls(before: Before): Promise<void> {
  if (before.boot !== (await bootId())) return
  for (const [name, value] of Object.entries(before.sysctls)) {
    const present = await readSysctl(name)
    if (present !== undefined && present !== value) await writeSysctl(name, value)
  }
}

/** Turning forwarding on or off for the machine does so for each interface as well. */
async function forwardingSysctls(): Promise<string[]> {
  const interfaces = await entries(join('/proc/sys', 'net/ipv4/conf'))
  return interfaces.filter((name) => !name.includes('.')).map((name) => `net.ipv4.conf.${name}.forwarding`)
}
