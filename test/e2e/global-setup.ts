import { join } from 'node:path'
import { withLock } from '../cluster/lock.ts'
import { exists } from '../cluster/machine.ts'
import { cacheRoot, projectRoot, stateRoot } from '../cluster/paths.ts'
import { run } from '../cluster/run.ts'
import { helm, installation, installPillion, rollOperator, uninstallPillion } from './harness/installation.ts'
import { kubectl } from './harness/kubectl.ts'
import { secondsSince, tell } from './harness/until.ts'

const cluster = (...args: string[]) => run(process.execPath, [join(projectRoot, 'test/cluster/main.ts'), ...args])

/**
 * The local cluster with the images of this work tree, and the chart installed. Leaves the machine as it was: a cluster that was up
 * stays up, and what stood in it stays there.
 */
export async function setup(): Promise<() => Promise<void>> {
  const unlock = await lock()
  try {
    const leave = await enter()
    return async () => {
      try {
        await leave()
      } finally {
        await unlock()
      }
    }
  } catch (error) {
    await unlock()
    throw error
  }
}

/** There is one cluster a machine and one release in it, so one run at a time. */
async function lock(): Promise<() => Promise<void>> {
  const begun = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  const waits = () => tell('another run of these tests is under way; waiting for it')
  const held = withLock(join(cacheRoot, 'e2e.lock'), waits, () => {
    begun.resolve()
    return ended.promise
  })
  held.catch(begun.reject)
  await begun.promise
  return () => {
    ended.resolve()
    return held
  }
}

async function enter(): Promise<() => Promise<void>> {
  const wasUp = await exists(stateRoot)
  const started = performance.now()
  await cluster('up')
  await cluster('load')
  tell(`cluster up and images loaded in ${secondsSince(started)} s${wasUp ? ' (it was up before)' : ''}`)
  const hadRelease = (await helm('list', '--short')).split('\n').includes(installation.release)
  const hadKinds = (await kubectl(['get', 'crd', 'queues.pillion.dev', '--ignore-not-found', '-o', 'name'])) !== ''

  const installing = performance.now()
  await installPillion()
  // A release of before may run an older image of the same name.
  if (hadRelease) await rollOperator()
  tell(`helm ${hadRelease ? 'upgrade' : 'install'} --wait took ${secondsSince(installing)} s`)

  return async () => {
    if (!wasUp) await cluster('down')
    else if (!hadRelease) await removePillion(hadKinds)
  }
}

async function removePillion(hadKinds: boolean): Promise<void> {
  await uninstallPillion()
  await kubectl(['delete', 'namespace', installation.namespace, '--ignore-not-found', '--timeout=120s'])
  if (!hadKinds)
    await kubectl([
      'delete',
      'crd',
      'queues.pillion.dev',
      'queuebrokers.pillion.dev',
      'queueoperations.pillion.dev',
      '--timeout=120s',
    ])
}
