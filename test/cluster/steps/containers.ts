import { containerdSocket } from '../paths.ts'
import { exists } from '../machine.ts'
import { run } from '../run.ts'

const ctr = (...args: string[]) => run('ctr', ['--address', containerdSocket, '--namespace', 'k8s.io', ...args])

/** Ends every container by containerd's own means. It must be running. */
export async function removeContainers(): Promise<void> {
  if (!(await exists(containerdSocket))) return
  const tasks = await names('tasks')
  await Promise.all(tasks.map((id) => ctr('tasks', 'rm', '--force', id).catch(() => '')))
  const containers = await names('containers')
  await Promise.all(containers.map((id) => ctr('containers', 'rm', id).catch(() => '')))
}

async function names(kind: 'tasks' | 'containers'): Promise<string[]> {
  const listed = await ctr(kind, 'list', '--quiet').catch(() => '')
  return listed.split('\n').filter(Boolean)
}
