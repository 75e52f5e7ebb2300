import { mounts } from '../machine.ts'
import { buildahRoot, runRoot, stateRoot } from '../paths.ts'
import { run } from '../run.ts'

/** Unmounts everything below the cluster's folders, the innermost and latest first. */
export async function unmountAll(): Promise<void> {
  const ours = (await mounts()).map(({ path }) => path).filter(isOurs)
  for (const path of ours.toReversed()) {
    await run('umount', [path]).catch(() => run('umount', ['--lazy', path]))
  }
}

/** Whether a mount point is in one of the cluster's folders. */
export function isOurs(path: string): boolean {
  return [stateRoot, runRoot, buildahRoot].some((root) => path === root || path.startsWith(`${root}/`))
}
