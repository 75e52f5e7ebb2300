import { say } from '../say.ts'
import { exists, programPath } from '../machine.ts'
import { run } from '../run.ts'

/** What the cluster needs from Debian: package, and a file or program that shows that it is there. */
const needed = [
  ['containerd', 'containerd'],
  ['containerd', 'ctr'],
  ['runc', 'runc'],
  ['containernetworking-plugins', '/usr/lib/cni/bridge'],
  ['iproute2', 'ip'],
  ['nftables', 'nft'],
  ['mount', 'umount'],
  ['openssl', 'openssl'],
  ['util-linux', 'setpriv'],
  ['buildah', 'buildah'],
  ['mmdebstrap', 'mmdebstrap'],
  ['catatonit', 'catatonit'],
] as const

/** Installs the Debian packages that are missing. They stay after `down`. */
export async function installPackages(): Promise<void> {
  const missing = await missingPackages()
  if (missing.length === 0) return
  if (!(await programPath('apt-get'))) {
    throw new Error(`these programs are needed, and there is no apt-get to install them with: ${missing.join(', ')}`)
  }
  const environment = { DEBIAN_FRONTEND: 'noninteractive' }
  say(`installing Debian packages: ${missing.join(' ')}`)
  await run('apt-get', ['update'], { env: environment }).catch((error: unknown) => say(`  ${String(error)}`))
  await run('apt-get', ['install', '--yes', '--no-install-recommends', ...missing], { env: environment })
  const still = await missingPackages()
  if (still.length > 0)
    throw new Error(`apt-get installed ${still.join(', ')}, but what they should bring is not there`)
}

async function missingPackages(): Promise<string[]> {
  const checks = needed.map(async ([name, sign]) => ({ name, present: await isPresent(sign) }))
  const missing = (await Promise.all(checks)).filter(({ present }) => !present)
  return [...new Set(missing.map(({ name }) => name))]
}

async function isPresent(sign: string): Promise<boolean> {
  return sign.startsWith('/') ? exists(sign) : (await programPath(sign)) !== undefined
}
