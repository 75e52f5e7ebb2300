import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../cluster/run.ts'
import { freePort } from '../../harness/free-port.ts'
import { type DebianRoot, debianRoot } from './debian.ts'
import { DATA, startInRoot } from './in-root.ts'
import { type Peer, PeerMissing } from './peer.ts'

const VERSION = '2.56.0'
const ARTIFACT = `org.apache.artemis:apache-artemis:${VERSION}:tar.gz:bin`
/** Java, and what its journal does asynchronous writes with. */
const PACKAGES = ['openjdk-21-jre-headless', 'libaio1t64'] as const
const HOME = '/opt/artemis'

/** Apache Artemis with an anycast queue over AMQP; its journal (ASYNCIO) is synced before each answer, as it is by default. */
export const artemis: Peer = {
  name: 'artemis',
  async install(progress) {
    await rootWithArtemis(progress)
    return VERSION
  },
  async start(folder) {
    const port = await freePort()
    const instance = `${DATA}/instance`
    const settings = [
      ...['--user', 'bench', '--password', 'bench', '--allow-anonymous', '--silent', '--host', '127.0.0.1'],
      ...['--aio', '--no-autotune', '--queues', 'bench:anycast', '--default-port', String(port)],
      ...['--no-web', '--no-amqp-acceptor', '--no-mqtt-acceptor', '--no-stomp-acceptor', '--no-hornetq-acceptor'],
    ]
    const create = `${HOME}/bin/artemis create ${instance} ${settings.join(' ')}`
    const command = ['sh', '-c', `${create} && exec ${instance}/bin/artemis run`]
    const env = { JAVA_HOME: '/usr/lib/jvm/java-21-openjdk-amd64' }
    const root = await rootWithArtemis(() => undefined)
    return startInRoot(root, folder, { command, env, port, url: `amqp://bench:bench@127.0.0.1:${port}` })
  },
}

const rootWithArtemis = (progress: (line: string) => void): Promise<DebianRoot> =>
  debianRoot(PACKAGES, progress, async (root) => {
    const opt = join(root, 'opt')
    await mkdir(opt, { recursive: true })
    progress(`getting Artemis ${VERSION} from Maven Central …`)
    try {
      await run('mvn', ['--batch-mode', 'dependency:copy', `-Dartifact=${ARTIFACT}`, `-DoutputDirectory=${opt}`])
    } catch (error) {
      throw new PeerMissing(`Artemis ${VERSION} could not be had: it comes from Maven Central and takes mvn`, {
        cause: error,
      })
    }
    const archive = (await readdir(opt)).find((file) => file.endsWith('.tar.gz')) ?? ''
    await run('tar', ['--extract', '--gzip', '--file', join(opt, archive), '--directory', opt])
    await rm(join(opt, archive))
    await rename(join(opt, `apache-artemis-${VERSION}`), join(root, HOME))
  })
