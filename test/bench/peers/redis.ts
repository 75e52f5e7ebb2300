import { freePort } from '../../harness/free-port.ts'
import { debianRoot } from './debian.ts'
import { DATA, startInRoot } from './in-root.ts'
import type { Peer } from './peer.ts'

const PACKAGE = 'redis-server'

/** Redis Streams with a consumer group; `appendfsync always` syncs before each answer, many commands at once where many wait. */
export const redis: Peer = {
  name: 'redis',
  install: async (progress) => (await debianRoot([PACKAGE], progress)).version,
  async start(folder) {
    const port = await freePort()
    const settings = {
      bind: '127.0.0.1',
      port: String(port),
      dir: DATA,
      appendonly: 'yes',
      appendfsync: 'always',
      save: '',
      // Otherwise a rewrite in the middle of a run would be measured.
      'auto-aof-rewrite-percentage': '0',
    }
    const options = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
    const root = await debianRoot([PACKAGE], () => undefined)
    const command = ['redis-server', ...options]
    return startInRoot(root, folder, { command, port, url: `redis://127.0.0.1:${port}` })
  },
}
