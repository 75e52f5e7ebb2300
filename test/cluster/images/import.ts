import { readFile, writeFile } from 'node:fs/promises'
import { containerdSocket, state } from '../paths.ts'
import { run } from '../run.ts'
import { say } from '../say.ts'
import type { Archive } from './archive.ts'

const ctr = (...args: string[]) => run('ctr', ['--address', containerdSocket, '--namespace', 'k8s.io', ...args])

/** Gives an image to the cluster's containerd unless it has it already. containerd must be running. */
export async function importImage({ image, key, path }: Archive): Promise<void> {
  const imported = await readImported()
  const present = (await ctr('images', 'list', '--quiet')).split('\n').includes(image)
  if (present && imported[image] === key) return
  await ctr('images', 'import', path)
  await writeFile(state.images, JSON.stringify({ ...imported, [image]: key }, null, 2))
  say(`loaded ${image}`)
}

async function readImported(): Promise<Record<string, string>> {
  const text = await readFile(state.images, 'utf8').catch(() => '{}')
  return JSON.parse(text)
}
