import { createHash } from 'node:crypto'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectRoot } from '../paths.ts'
import { run } from '../run.ts'
import { say } from '../say.ts'
import { buildah, bud, hasImage } from './buildah.ts'

const suite = 'bookworm'
/** What Node needs to run, and the files that say which system this is. */
const needed = ['base-files', 'libc6', 'libstdc++6', 'libgcc-s1', 'libatomic1']
const dockerfile = `FROM scratch
ADD system.tar /
COPY node /usr/local/bin/node
`

/**
 * The image that those of the project are based on: a few Debian packages and the project's Node. Its version is its tag.
 * `more`: further Debian packages, which gives an image of its own.
 */
export async function ensureBase(more: string[] = []): Promise<string> {
  const packages = [...needed, ...more]
  const manifest: { version: string } = JSON.parse(
    await readFile(join(projectRoot, 'node_modules/node/package.json'), 'utf8'),
  )
  const image = `localhost/pillion/base:${baseVersion(manifest.version, packages)}`
  if (await hasImage(image)) return image
  say(`building the base image (Debian ${suite}, Node ${manifest.version})`)
  const context = await mkdtemp(join(tmpdir(), 'pillion-base-'))
  try {
    const trim =
      'rm -rf "$1"/usr/share/doc "$1"/usr/share/man "$1"/usr/share/locale "$1"/var/cache/* "$1"/var/lib/apt/lists/*'
    const options = ['--variant=extract', `--include=${packages.join(',')}`, `--customize-hook=${trim}`]
    await run('mmdebstrap', [...options, suite, join(context, 'system.tar')])
    await copyFile(join(projectRoot, 'node_modules/node/bin/node'), join(context, 'node'))
    await writeFile(join(context, 'Dockerfile'), dockerfile)
    await bud({ image, context, dockerfile: join(context, 'Dockerfile') })
    return image
  } finally {
    await rm(context, { recursive: true, force: true })
    await buildah('rmi', '--prune').catch(() => '')
  }
}

function baseVersion(node: string, packages: string[]): string {
  const key = createHash('sha256')
    .update(JSON.stringify([suite, packages, dockerfile]))
    .digest('hex')
    .slice(0, 8)
  return `${suite}-node-${node}-${key}`
}
