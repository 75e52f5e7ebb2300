import { readdir, readFile, readlink, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { componentNames, place } from './cluster.ts'
import { kubeProxyTables } from './components/kube-proxy.ts'
import { entries, exists, programPath } from './machine.ts'
import { clientRoot, runRoot, state, stateRoot } from './paths.ts'
import { stopProcess } from './processes.ts'
import { run, succeeds } from './run.ts'
import { say } from './say.ts'
import { readBefore, restoreSysctls } from './steps/before.ts'
import { removeCgroups } from './steps/cgroups.ts'
import { removeContainers } from './steps/containers.ts'
import { unmountAll } from './steps/mounts.ts'
import { closeNetwork } from './steps/network.ts'
import { endShims } from './steps/shims.ts'

/** Ends the local cluster and leaves the machine as it was; installed packages and caches stay. */
export async function down(): Promise<void> {
  const started = Date.now()
  if (!(await exists(stateRoot)) && !(await exists(runRoot))) return say('the cluster is not there')
  const [runtime, ...others] = componentNames
  for (const name of others.toReversed()) await stopProcess(name, place)
  await removeContainers()
  await stopProcess(runtime, place)
  await endShims()
  await removeCgroups()
  await unmountAll()
  await removeProxyTables()
  await closeNetwork()
  const before = await readBefore()
  if (before) await restoreSysctls(before)
  await removeLeftovers(before?.absentFolders ?? [])
  await rm(runRoot, { recursive: true, force: true })
  await rm(clientRoot, { recursive: true, force: true })
  await rm(stateRoot, { recursive: true, force: true })
  say(`the cluster is down (${((Date.now() - started) / 1000).toFixed(1)} s)`)
}

async function removeProxyTables(): Promise<void> {
  if (!(await programPath('nft'))) return
  for (const table of kubeProxyTables.map((name) => name.split(' '))) {
    if (await succeeds('nft', ['list', 'table', ...table])) await run('nft', ['delete', 'table', ...table])
  }
}

/** What programs of the cluster leave in folders that are not the cluster's. */
async function removeLeftovers(absentBefore: string[]): Promise<void> {
  const links = '/var/log/containers'
  for (const name of await entries(links)) {
    const target = await readlink(join(links, name)).catch(() => '')
    if (target.startsWith(state.podLogs)) await rm(join(links, name), { force: true })
  }
  const results = '/var/lib/cni/results'
  for (const name of await entries(results)) {
    const text = await readFile(join(results, name), 'utf8').catch(() => '')
    if (text.includes(`${runRoot}/`)) await rm(join(results, name), { force: true })
  }
  const listening = await readFile('/proc/net/unix', 'utf8')
  for (const folder of absentBefore) await removeEmptyFolders(folder, listening)
}

/** Only what is empty or a socket that nobody listens on: anything else was put there by somebody else meanwhile. */
async function removeEmptyFolders(folder: string, listening: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await removeEmptyFolders(path, listening)
    if (entry.isSocket() && !listening.includes(path)) await rm(path, { force: true })
  }
  await rmdir(folder).catch(() => undefined)
}
