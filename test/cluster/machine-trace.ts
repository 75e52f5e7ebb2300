import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { cgroupHierarchies, entries, mounts, programPath } from './machine.ts'
import { runRoot, stateRoot } from './paths.ts'
import { run } from './run.ts'

/** What a program can leave behind on a machine, as lists that can be compared. */
export type Trace = Record<
  | 'processes'
  | 'mounts'
  | 'interfaces'
  | 'routes'
  | 'firewall'
  | 'sysctls'
  | 'controlGroups'
  | 'namespaces'
  | 'folders',
  string[]
>

/** Takes down the machine's present state; only what the cluster could change, and what does not change by itself. */
export async function traceMachine(): Promise<Trace> {
  return {
    processes: await processesOfCluster(),
    mounts: (await mounts()).map(({ path }) => path),
    interfaces: await entries('/sys/class/net'),
    routes: (await run('ip', ['-4', 'route', 'show', 'table', 'all'])).trim().split('\n'),
    firewall: await firewall(),
    sysctls: await sysctls(),
    controlGroups: (await Promise.all((await cgroupHierarchies()).map(children))).flat(),
    namespaces: await entries('/run/netns'),
    folders: (await Promise.all(['/run', '/var/lib', '/var/log', '/etc', '/opt', '/usr/libexec'].map(children))).flat(),
  }
}

/** What differs: lines that came are marked with +, lines that went with -. */
export function difference(before: Trace, after: Trace): string[] {
  return Object.entries(before).flatMap(([kind, lines]) => {
    const later = Object.entries(after).find(([name]) => name === kind)?.[1] ?? []
    const came = later.filter((line) => !lines.includes(line)).map((line) => `+ ${kind}: ${line}`)
    const went = lines.filter((line) => !later.includes(line)).map((line) => `- ${kind}: ${line}`)
    return [...came, ...went]
  })
}

/** By what only a program of the cluster has on its command line: one of its folders. */
async function processesOfCluster(): Promise<string[]> {
  const pids = (await entries('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return lines
    .map((line) => line.replaceAll('\0', ' '))
    .filter((line) => [stateRoot, runRoot].some((root) => line.includes(root)))
}

async function firewall(): Promise<string[]> {
  const rules = (await programPath('nft')) ? await run('nft', ['list', 'ruleset']) : ''
  const old = await readFile('/proc/net/ip_tables_names', 'utf8').catch(() => '')
  return `${rules}\n${old}`.split('\n').filter(Boolean)
}

/** Settings of the network, memory and kernel, less those that count something. */
async function sysctls(): Promise<string[]> {
  const moving =
    /random\/|ns_last_pid|nf_conntrack_count|pty\/nr|stable_secret|\/keys\/|perf_event_max_sample_rate|tainted/
  const files = (await Promise.all(['net', 'vm', 'kernel'].map((name) => walk(join('/proc/sys', name))))).flat()
  const lines = files
    .filter((file) => !moving.test(file))
    .map(async (file) => `${file}=${(await readFile(file, 'utf8').catch(() => '')).trim()}`)
  return Promise.all(lines)
}

async function walk(folder: string): Promise<string[]> {
  const found = await readdir(folder, { withFileTypes: true, recursive: true })
  return found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

async function children(folder: string): Promise<string[]> {
  const paths = (await entries(folder)).map((name) => join(folder, name))
  const kinds = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        (found) => found.isDirectory(),
        () => false,
      ),
    ),
  )
  return paths.filter((_, index) => kinds[index])
}
