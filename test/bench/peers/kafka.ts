import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../../harness/free-port.ts'
import { type DebianRoot, debianRoot } from './debian.ts'
import { DATA, startInRoot } from './in-root.ts'
import { JAVA_HOME, JAVA_PACKAGE, maven } from './java.ts'
import type { Peer } from './peer.ts'

const VERSION = '4.4.0'
const LIBRARIES = '/opt/kafka'
/** Any will do. */
const CLUSTER_ID = 'MkU3OEVBNTcwNTJENDM2Qk'

/** Apache Kafka with a topic of one partition and a share group; its logs are flushed after each batch that came in, before the answer. */
export const kafka: Peer = {
  name: 'kafka',
  async install(progress) {
    await rootWithKafka(progress)
    return VERSION
  },
  async start(folder) {
    const [port, controller] = [await freePort(), await freePort()]
    const settings = {
      'process.roles': 'broker,controller',
      'node.id': '1',
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
      'controller.listener.names': 'CONTROLLER',
      'log.dirs': `${DATA}/logs`,
      'log.flush.interval.messages': '1',
      'offsets.topic.replication.factor': '1',
      'share.coordinator.state.topic.replication.factor': '1',
      'share.coordinator.state.topic.min.isr': '1',
      // One node has one member: nobody else is waited for.
      'group.initial.rebalance.delay.ms': '0',
    }
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
    await writeFile(join(folder, 'server.properties'), lines.join(''))
    const java = `${JAVA_HOME}/bin/java -Xms1g -Xmx1g -cp '${LIBRARIES}/*'`
    const format = `${java} kafka.tools.StorageTool format -t ${CLUSTER_ID} -c ${DATA}/server.properties`
    const command = ['sh', '-c', `${format} && exec ${java} kafka.Kafka ${DATA}/server.properties`]
    const root = await rootWithKafka(() => undefined)
    return startInRoot(root, folder, { command, port, url: `127.0.0.1:${port}` })
  },
}

const POM = `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>pillion.dev</groupId>
  <artifactId>bench</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${VERSION}</version>
    </dependency>
  </dependencies>
</project>
`

const rootWithKafka = (progress: (line: string) => void): Promise<DebianRoot> =>
  debianRoot([JAVA_PACKAGE], progress, async (root) => {
    const libraries = join(root, LIBRARIES)
    await mkdir(libraries, { recursive: true })
    const pom = join(root, 'pom.xml')
    await writeFile(pom, POM)
    const args = ['--file', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${libraries}`]
    await maven(`Kafka ${VERSION}`, args, progress)
    await rm(pom)
  })
