import { chmod, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { binary } from '../../cluster/binaries.ts'
import { kubeconfigPath, projectRoot } from '../../cluster/paths.ts'
import { run } from '../../cluster/run.ts'
import { tempFolder } from '../../harness/temp-folder.ts'

/** `kubectl pillion`, as whoever has `pillion` on PATH under that name. */
export async function kubectlPillion(...args: string[]): Promise<string> {
  await using folder = await tempFolder('plugin')
  const plugin = join(folder.path, 'kubectl-pillion')
  await writeFile(plugin, `#!/bin/sh\nexec "${process.execPath}" "${join(projectRoot, 'sidecar/cli/main.ts')}" "$@"\n`)
  await chmod(plugin, 0o755)
  const kubectl = await binary('kubectl')
  const path = [folder.path, dirname(kubectl), process.env.PATH].join(delimiter)
  return await run(kubectl, ['pillion', ...args], { env: { PATH: path, KUBECONFIG: kubeconfigPath } })
}
