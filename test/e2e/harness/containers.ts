import { readFile } from 'node:fs/promises'
import { containerdSocket } from '../../cluster/paths.ts'
import { run } from '../../cluster/run.ts'
import { residentBytes } from '../../harness/resident.ts'
import { containersOf, type StoredPod } from './objects.ts'

/** The first process of a pod's container, by the container runtime's own word. @throws Error when it does not run */
export async function pidOf(pod: StoredPod, container: string): Promise<number> {
  const id = containersOf(pod)
    .find(({ name }) => name === container)
    ?.containerID?.replace('containerd://', '')
  const tasks = await run('ctr', ['--address', containerdSocket, '--namespace', 'k8s.io', 'tasks', 'list'])
  const row = tasks.split('\n').find((line) => id !== undefined && line.startsWith(id))
  const [, pid, status] = row?.split(/\s+/) ?? []
  if (pid === undefined || status !== 'RUNNING') {
    throw new Error(`container ${container} of pod ${pod.metadata.name} does not run (${row ?? 'no such task'})`)
  }
  return Number(pid)
}

/** Sends SIGKILL to a container's first process; `program` is what its command line has to name, so that it is nobody else's. */
export async function killContainer(pod: StoredPod, container: string, program: string): Promise<void> {
  const pid = await pidOf(pod, container)
  const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ')
  if (!command.includes(program)) throw new Error(`process ${pid} is "${command}", not ${program}: it is left alone`)
  process.kill(pid, 'SIGKILL')
}

/** Resident memory of a container's first process, in bytes. */
export const residentBytesOf = async (pod: StoredPod, container: string): Promise<number> =>
  residentBytes(await pidOf(pod, container))
