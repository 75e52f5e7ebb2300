import { mkdir, readdir, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../cluster/run.ts'
import { freePort } from '../../harness/free-port.ts'
import { type DebianRoot, debianRoot } from './debian.ts'
import { DATA, startInRoot } from './in-root.ts'
import { JAVA_HOME, JAVA_PACKAGE, maven } from './java.ts'
import type { Peer } from './peer.ts'

const VERSION = '2.56.0'
const ARTIFACT = `org.apache.artemis:apache-artemis:${VERSION}:tar.gz:bin`
/** Java, and what the journal does asynchronous writes with. */
const PACKAGES = [JAVA_PACKAGE, 'libaio1t64'] as const
const HOME = '/opt/artemis'

/**
 * Apache Artemis with an anycast queue over AMQP; its journal (ASYNCIO, tuned to the disk as it does by itself) is synced before each answer, as it is
 * by default.
 */
export const artemis: Peer = {
  name: 'artemis',
  async install(progress) {
    await rootWithArtemis(progress)
    return VERSION
  },
  async start(folder) {
    const port = await freePort()
    const instance = `${DATA}/instance`
    const settings = `--user bench --password bench --allow-anonymous --silent --host 127.0.0.1 --default-port ${port}
      --aio --queues bench:anycast
      --no-web --no-amqp-acceptor --no-mqtt-acceptor --no-stomp-acceptor --no-hornetq-acceptor`
    const create = `${HOME}/bin/artemis create ${instance} ${settings.replaceAll(/\s+/g, ' ')}`
    const command = ['sh', '-c', `${create} && exec ${instance}/bin/artemis run`]
    const env = { JAVA_HOME }
    const root = await rootWithArtemis(() => undefined)
    return startInRoot(root, folder, { command, env, port, url: `amqp://bench:bench@127.0.0.1:${port}` })
  },
}

const rootWithArtemis = (progress: (line: string) => void): Promise<DebianRoot> =>
  debianRoot(PACKAGES, progress, async (root) => {
    // By the name that Artemis knows, which Debian changed.
    await symlink('libaio.so.1t64', join(root, 'usr/lib/x86_64-linux-gnu/libaio.so.1'))
    const opt = join(root, 'opt')
    await mkdir(opt, { recursive: true })
    const args = ['dependency:copy', `-Dartifact=${ARTIFACT}`, `-DoutputDirectory=${opt}`]
    await maven(`Artemis ${VERSION}`, args, progress)
    const archive = (await readdir(opt)).find((file) => file.endsWith('.tar.gz')) ?? ''
    await run('tar', ['--extract', '--gzip', '--file', join(opt, archive), '--directory', opt])
    await rm(join(opt, archive))
    await rename(join(opt, `apache-artemis-${VERSION}`), join(root, HOME))
  })
