import { ensureArchive } from './images/archive.ts'
import { chosenImages } from './images/catalog.ts'
import { importImage } from './images/import.ts'
import { containerdSocket } from './paths.ts'
import { exists } from './machine.ts'
import { say } from './say.ts'

/**
 * Builds the project's images as far as they changed, and gives them to the cluster. `names`: only these, by the last
 * part of the image's name; none: all.
 * @throws Error for a name that is not in the catalog, or when there is no cluster.
 */
export async function load(names: string[]): Promise<void> {
  const started = Date.now()
  if (!(await exists(containerdSocket)))
    throw new Error('the cluster is not there; start it with: npm run cluster -- up')
  for (const recipe of chosenImages(names)) await importImage(await ensureArchive(recipe))
  say(`images are loaded (${((Date.now() - started) / 1000).toFixed(1)} s)`)
}
