import { mkdir } from 'node:fs/promises'
import { binary } from '../binaries.ts'
import { chosenImages } from '../images/catalog.ts'
import { programPath } from '../machine.ts'
import { writeClientLinks } from '../client-files.ts'
import { clientRoot, kubeconfigPath } from '../paths.ts'
import { run } from '../run.ts'
import { say } from '../say.ts'

const name = 'pillion'

/** A cluster of the same use on kind, with its node as a Docker container. */
export async function kindUp(): Promise<void> {
  await requireDocker()
  const kind = await binary('kind')
  await mkdir(clientRoot, { recursive: true })
  const clusters = (await run(kind, ['get', 'clusters'])).split('\n')
  if (clusters.includes(name)) await run(kind, ['export', 'kubeconfig', '--name', name, '--kubeconfig', kubeconfigPath])
  else await run(kind, ['create', 'cluster', '--name', name, '--kubeconfig', kubeconfigPath, '--wait', '120s'])
  await writeClientLinks()
  say(`the kind cluster is up; KUBECONFIG=${kubeconfigPath}`)
}

export async function kindDown(): Promise<void> {
  await requireDocker()
  await run(await binary('kind'), ['delete', 'cluster', '--name', name, '--kubeconfig', kubeconfigPath])
}

/** Builds the project's images with Docker, on a stock Node image, and gives them to the kind cluster. */
export async function kindLoad(names: string[]): Promise<void> {
  await requireDocker()
  const kind = await binary('kind')
  for (const { image, dockerfile, target, context, prepare } of chosenImages(names)) {
    await prepare()
    const options = ['--file', dockerfile, '--tag', image, ...(target ? ['--target', target] : [])]
    await run('docker', ['build', ...options, context])
    await run(kind, ['load', 'docker-image', image, '--name', name])
    say(`loaded ${image}`)
  }
}

/** @throws Error that says what is missing: the program, or an answer of its daemon. */
async function requireDocker(): Promise<void> {
  if (process.platform !== 'linux')
    throw new Error('--kind builds Linux programs for the images, and so needs to run on Linux')
  if (!(await programPath('docker')))
    throw new Error('--kind needs Docker, and there is no docker program; install Docker, or leave out --kind')
  try {
    await run('docker', ['info', '--format', '{{.ServerVersion}}'])
  } catch (error) {
    throw new Error(
      '--kind needs Docker, and its daemon does not answer; start it (is your user in the group docker?), or leave out --kind',
      {
        cause: error,
      },
    )
  }
}
