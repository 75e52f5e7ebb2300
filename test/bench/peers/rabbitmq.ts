import { freePort } from '../../harness/free-port.ts'
import { debianRoot } from './debian.ts'
import { DATA, startInRoot } from './in-root.ts'
import type { Peer } from './peer.ts'

const PACKAGE = 'rabbitmq-server'

/** RabbitMQ with a quorum queue of one member, which syncs its log before each confirmation. */
export const rabbitmq: Peer = {
  name: 'rabbitmq',
  install: async (progress) => (await debianRoot([PACKAGE], progress)).version,
  async start(folder) {
    const [port, distribution, epmd] = [await freePort(), await freePort(), await freePort()]
    const env = {
      // Erlang takes its encoding from the name alone.
      LC_ALL: 'C.UTF-8',
      RABBITMQ_NODENAME: 'bench@localhost',
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(distribution),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_EPMD_PORT: String(epmd),
      RABBITMQ_MNESIA_BASE: `${DATA}/mnesia`,
      RABBITMQ_LOG_BASE: `${DATA}/log`,
      RABBITMQ_LOGS: '-',
      RABBITMQ_ENABLED_PLUGINS_FILE: `${DATA}/plugins`,
      RABBITMQ_CONFIG_FILE: `${DATA}/rabbitmq.conf`,
    }
    const root = await debianRoot([PACKAGE], () => undefined)
    const command = ['/usr/lib/rabbitmq/bin/rabbitmq-server']
    return startInRoot(root, folder, { command, env, port, url: `amqp://guest:guest@127.0.0.1:${port}` })
  },
}
