import { mkdir, copyFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { binary } from '../binaries.ts'
import { requireProgram } from '../machine.ts'
import { projectRoot } from '../paths.ts'
import { run } from '../run.ts'
import { pauseImage } from './pause.ts'

/** An image to be built: to add one, add an entry. */
export type ImageRecipe = {
  image: string
  /** Path of the Dockerfile, and its target when it has several; it may begin with `ARG BASE`. */
  dockerfile: string
  target?: string
  /** Debian packages that its base has besides those that Node needs. */
  packages?: string[]
  /** The build's context, and the files in it that the Dockerfile copies: when none of them changed, nothing is built. */
  context: string
  inputs: string[]
  /** Makes the inputs. */
  prepare: () => Promise<void>
}

const dist = join(projectRoot, 'dist')
const images = join(projectRoot, 'test/cluster/images')

/** The project's own images, in the order in which they are built. */
export const projectImages: ImageRecipe[] = [
  fromProject('operator', ['dist/operator.mjs'], () => bundle('operator')),
  fromProject('sidecar', ['dist/sidecar.mjs', 'dist/helm-test.mjs'], () => bundle('sidecar', 'helm-test')),
  fromProject('nats-server', ['dist/nats-server'], async () => place(await binary('nats-server'), 'nats-server')),
]

/** The images of these names (`sidecar` for `localhost/pillion/sidecar:dev`), all for no name. @throws Error for an unknown one. */
export function chosenImages(names: string[]): ImageRecipe[] {
  const known = projectImages.map(({ image }) => image.replace(/^.*\/|:dev$/g, ''))
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`there is no image "${unknown}"; there are: ${known.join(', ')}`)
  return projectImages.filter((_, index) => names.length === 0 || names.includes(known[index] ?? ''))
}

/** What the cluster itself, or a test, needs. */
export const pause: ImageRecipe = {
  image: pauseImage,
  dockerfile: join(images, 'pause.Dockerfile'),
  context: dist,
  inputs: ['catatonit'],
  prepare: async () => place(await requireProgram('catatonit'), 'catatonit'),
}

/** Node and nothing else, for pods of tests. */
export const node: ImageRecipe = {
  image: 'localhost/pillion/node:dev',
  dockerfile: join(images, 'node.Dockerfile'),
  context: images,
  inputs: [],
  prepare: async () => undefined,
}

function fromProject(target: string, inputs: string[], prepare: () => Promise<void>): ImageRecipe {
  const image = `localhost/pillion/${target}:dev`
  return { image, dockerfile: join(projectRoot, 'Dockerfile'), target, context: projectRoot, inputs, prepare }
}

async function bundle(...names: string[]): Promise<void> {
  await run(process.execPath, ['.ci/build.mjs', ...names], { cwd: projectRoot })
}

async function place(program: string, name: string): Promise<void> {
  await mkdir(dist, { recursive: true })
  await copyFile(program, join(dist, `${name}.new`))
  await rename(join(dist, `${name}.new`), join(dist, name))
}
