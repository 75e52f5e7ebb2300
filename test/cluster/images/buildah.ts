import { join } from 'node:path'
import { buildahRoot, runRoot } from '../paths.ts'
import { run } from '../run.ts'

/** With image storage of our own, kept between runs with the other caches. */
export function buildah(...args: string[]): Promise<string> {
  const storage = ['--root', buildahRoot, '--runroot', join(runRoot, 'buildah'), '--storage-driver', 'overlay']
  return run('buildah', [...storage, ...args])
}

export const hasImage = (image: string): Promise<boolean> =>
  buildah('images', '--quiet', image).then(
    () => true,
    () => false,
  )

export type BuildOptions = { image: string; context: string; dockerfile: string; target?: string; base?: string }

/** Builds a Dockerfile without any privilege but a change of root. What an earlier build left, having been killed, is removed. */
export async function bud({ image, context, dockerfile, target, base }: BuildOptions): Promise<void> {
  const options = [...(target ? ['--target', target] : []), ...(base ? ['--build-arg', `BASE=${base}`] : [])]
  await buildah('rm', '--all')
  await buildah(
    'bud',
    '--isolation',
    'chroot',
    '--layers',
    '--force-rm',
    '--pull-never',
    ...options,
    '--tag',
    image,
    '--file',
    dockerfile,
    context,
  )
}
