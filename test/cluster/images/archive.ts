import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { entries, exists } from '../machine.ts'
import { cacheRoot } from '../paths.ts'
import { say } from '../say.ts'
import { ensureBase } from './base.ts'
import { bud, buildah } from './buildah.ts'
import type { ImageRecipe } from './catalog.ts'

/** An image as an archive as Docker writes it, which is not compressed; `key` changes with what went into it. */
export type Archive = { image: string; key: string; path: string }

const folder = join(cacheRoot, 'images')

/** Builds the image unless the cache has it as it would come out. */
export async function ensureArchive(recipe: ImageRecipe): Promise<Archive> {
  await recipe.prepare()
  const base = await ensureBase(recipe.packages)
  const key = await inputsKey(recipe, base)
  const name = recipe.image.split('/').slice(1).join('-').replace(':', '-')
  const archive = { image: recipe.image, key, path: join(folder, `${name}-${key}.tar`) }
  if (await exists(archive.path)) return archive
  const started = Date.now()
  await mkdir(folder, { recursive: true })
  await bud({ ...recipe, base })
  await buildah('push', '--quiet', recipe.image, `docker-archive:${archive.path}.new:${recipe.image}`)
  await rename(`${archive.path}.new`, archive.path)
  await removeOlder(name, archive.path)
  say(`built ${recipe.image} in ${((Date.now() - started) / 1000).toFixed(1)} s`)
  return archive
}

async function inputsKey(
  { image, dockerfile, context, inputs, target = '' }: ImageRecipe,
  base: string,
): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([image, base, target, 'docker-archive']))
  for (const path of [dockerfile, ...inputs.map((input) => join(context, input))]) hash.update(await readFile(path))
  return hash.digest('hex').slice(0, 16)
}

async function removeOlder(name: string, current: string): Promise<void> {
  for (const file of await entries(folder)) {
    const path = join(folder, file)
    if (file.startsWith(`${name}-`) && path !== current) await rm(path, { force: true })
  }
  await buildah('rmi', '--prune').catch(() => '')
}
