import { spawnChild, endChild } from '../../harness/children.ts'
import type { DebianRoot } from './debian.ts'
import { serves } from './serves.ts'
import type { RunningPeer } from './peer.ts'

/** In the root, where it finds the folder that it is to store in. */
export const DATA = '/data'

/** Kept from a server that does not start: its last words. Characters. */
const LAST_WORDS = 2000

interface Server {
  readonly command: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Where it listens on loopback once it is ready. */
  readonly port: number
  readonly url: string
}

/** Mounts what the root lacks, for nobody else to see, and becomes the server. Java wants a root that is a mount itself. */
const ENTER =
  'mount --rbind "$1" "$1" && mount --rbind /dev "$1/dev" && mount --bind "$2" "$1$3" && root="$1" && shift 3 && exec chroot "$root" "$@"'

/**
 * Starts a server in a root of its own, on this machine's loopback and `folder`'s disk. All that it starts is in its process namespace, and goes
 * with it.
 */
export async function startInRoot(root: DebianRoot, folder: string, server: Server): Promise<RunningPeer> {
  const isolated = ['--map-root-user', '--mount', '--pid', '--fork', '--kill-child', `--mount-proc=${root.path}/proc`]
  const child = spawnChild(
    'unshare',
    [...isolated, 'sh', '-c', ENTER, 'enter', root.path, folder, DATA, ...server.command],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: DATA, LC_ALL: 'C', ...server.env },
    },
  )
  let said = ''
  for (const output of [child.stdout, child.stderr]) {
    output?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-LAST_WORDS)
    })
  }
  const stop = (): Promise<void> => endChild(child, 'SIGKILL')
  try {
    await serves(child, server.port, () => said)
  } catch (error) {
    await stop()
    throw error
  }
  return { server: server.url, stop }
}
