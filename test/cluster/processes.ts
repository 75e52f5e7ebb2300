import { createHash } from 'node:crypto'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Component } from './component.ts'
import { bootId } from './machine.ts'
import { isHealthy } from './probe.ts'

/** Where a set of processes keeps its pid files and logs. */
export type Place = {
  pids: string
  logs: string
  /** Test processes end with the process that started them, however that one ends. */
  endWithParent: boolean
}

/** What a pid file says; the boot and the start time tell the process from a later one that was given the same number. */
type PidRecord = { pid: number; boot: string; startTime: string; fingerprint: string }

const startLimit = 90_000
const stopLimit = 20_000

/** Starts a component unless it already runs as wanted, and waits until it is healthy. Says what it did. */
export async function ensureRunning(component: Component, place: Place): Promise<'running' | 'started' | 'restarted'> {
  const record = await aliveRecord(component.name, place)
  const current = record?.fingerprint === fingerprint(component)
  if (record && current && (await isHealthy(component.probe))) return 'running'
  if (record) await stopProcess(component.name, place)
  await startProcess(component, place)
  return record ? 'restarted' : 'started'
}

/** Starts a component and waits until it is healthy. @throws Error with the end of its log when it does not get there. */
export async function startProcess(component: Component, place: Place): Promise<void> {
  await Promise.all([place.pids, place.logs].map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })))
  for (const [path, text] of Object.entries(component.files ?? {})) {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text, { mode: 0o600 })
  }
  const child = await spawnRecorded(component, place)
  await waitHealthy(component, place, child)
  child.unref()
}

/** Ends a component by SIGTERM, then SIGKILL; nothing happens when it is not ours or not there. */
export async function stopProcess(
  name: string,
  place: Place,
  signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM',
): Promise<boolean> {
  const record = await aliveRecord(name, place)
  if (record) {
    process.kill(record.pid, signal)
    if (!(await gone(name, place, stopLimit))) {
      process.kill(record.pid, 'SIGKILL')
      if (!(await gone(name, place, stopLimit)))
        throw new Error(`${name} (pid ${record.pid}) does not end, even by SIGKILL`)
    }
  }
  await rm(pidFile(name, place), { force: true })
  return record !== undefined
}

/** The pid of a component that this project started and that still runs. */
export async function pidOf(name: string, place: Place): Promise<number | undefined> {
  return (await aliveRecord(name, place))?.pid
}

/** The process writes its own pid file before it becomes the component, so that no crash of ours leaves one unknown. */
const recordThenRun = `
start=$(cut -d ' ' -f 22 /proc/$$/stat) && boot=$(cat /proc/sys/kernel/random/boot_id) &&
printf '{"pid":%d,"boot":"%s","startTime":"%s","fingerprint":"%s"}' $$ "$boot" "$start" "$2" > "$1.new" &&
mv "$1.new" "$1" && shift 2 && exec "$@"
`

async function spawnRecorded(component: Component, place: Place): Promise<ChildProcess> {
  const log = openSync(logFile(component.name, place), 'a', 0o600)
  try {
    const recorded = [
      'sh',
      '-c',
      recordThenRun,
      'sh',
      pidFile(component.name, place),
      fingerprint(component),
      ...component.command,
    ]
    const [program = '', ...args] = place.endWithParent ? ['setpriv', '--pdeathsig', 'KILL', ...recorded] : recorded
    const { PATH, HOME = '/root' } = process.env
    const child = spawn(program, args, {
      cwd: '/',
      detached: !place.endWithParent,
      env: { HOME, PATH: `${PATH}:/usr/sbin:/sbin`, ...component.environment },
      stdio: ['ignore', log, log],
    })
    await once(child, 'spawn')
    return child
  } finally {
    closeSync(log)
  }
}

async function waitHealthy(component: Component, place: Place, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + startLimit
  for (let pause = 25; Date.now() < deadline; pause = Math.min(pause * 1.5, 500)) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(await startFailure(component, place, 'ended'))
    // Until its pid file is there, it could be another process that answers.
    const started = (await pidOf(component.name, place)) === child.pid
    if (started && (await isHealthy(component.probe))) return
    await sleep(pause)
  }
  throw new Error(await startFailure(component, place, `is not healthy after ${startLimit / 1000} s`))
}

async function startFailure(component: Component, place: Place, what: string): Promise<string> {
  const log = logFile(component.name, place)
  const lines = (await readFile(log, 'utf8').catch(() => '')).trimEnd().split('\n')
  return `${component.name} ${what}; the end of ${log}:\n${lines.slice(-15).join('\n')}`
}

async function gone(name: string, place: Place, limit: number): Promise<boolean> {
  const deadline = Date.now() + limit
  while (Date.now() < deadline) {
    if (!(await aliveRecord(name, place))) return true
    await sleep(50)
  }
  return false
}

async function aliveRecord(name: string, place: Place): Promise<PidRecord | undefined> {
  const text = await readFile(pidFile(name, place), 'utf8').catch(() => undefined)
  if (!text) return undefined
  const record: PidRecord = JSON.parse(text)
  if (record.boot !== (await bootId())) return undefined
  return (await processStartTime(record.pid)) === record.startTime ? record : undefined
}

/** A process's start, in clock ticks since boot, or undefined when it ended. */
async function processStartTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return stat === undefined ? undefined : parseStartTime(stat)
}

/**
 * Reads `/proc/<pid>/stat` (proc_pid_stat(5)): the state is field 3, the number of threads 20, the start time 22. A zombie
 * whose other threads still end counts as running, since it may still hold its sockets.
 */
export function parseStartTime(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const dead = fields[0] === 'X' || (fields[0] === 'Z' && Number(fields[17]) <= 1)
  return dead ? undefined : fields[19]
}

/** Changes with the command line, the environment and the configuration files, so that `up` knows what to restart. */
function fingerprint({ command, environment = {}, files = {} }: Component): string {
  return createHash('sha256')
    .update(JSON.stringify([command, environment, files]))
    .digest('hex')
}

const pidFile = (name: string, place: Place) => join(place.pids, `${name}.pid`)
export const logFile = (name: string, place: Place) => join(place.logs, `${name}.log`)
