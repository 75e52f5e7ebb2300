import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { binary } from './binaries.ts'
import { clientRoot, kubeconfigPath } from './paths.ts'

/** Puts a kubeconfig into the work tree, and kubectl and helm beside it. */
export async function writeClientFiles(kubeconfig: string): Promise<void> {
  await writeClientLinks()
  await writeFile(kubeconfigPath, kubeconfig, { mode: 0o600 })
}

export async function writeClientLinks(): Promise<void> {
  const bin = join(clientRoot, 'bin')
  await mkdir(bin, { recursive: true })
  for (const name of ['kubectl', 'helm'] as const) {
    const link = join(bin, name)
    await rm(link, { force: true })
    await symlink(await binary(name), link)
  }
}
