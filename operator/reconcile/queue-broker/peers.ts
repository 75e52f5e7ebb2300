import { type Peers, peerToken } from '../../../crds/protocol/peers.ts'
import { BY_NAMESPACE, type Caches } from '../../caches.ts'
import { sidecarSecretName } from '../../desired/names.ts'
import { secretText } from '../../desired/secrets.ts'
import { serviceUrl } from '../../sidecar-client.ts'
import { usersOf } from './users.ts'

/**
 * What a broker is to know of the others of its namespace. Others are told as soon as they can be reached by an address and a token, and
 * stay told while their pod restarts: a transaction waits for such a one, where it would refuse one that it does not know.
 */
export function wantedPeers(
  caches: Pick<Caches, 'queueBrokers' | 'queues' | 'secrets'>,
  namespace: string,
  self: string,
): Peers {
  const brokers = caches.queueBrokers.by(BY_NAMESPACE, namespace).flatMap((broker) => {
    const { name } = broker.metadata
    const token = secretText(caches.secrets.get({ namespace, name: sidecarSecretName(name) }), 'token')
    if (name === self || broker.status?.address === undefined || token === undefined) return []
    const url = serviceUrl({ namespace, broker: name })
    return [{ name, url, token: peerToken(token), queues: usersOf(caches, broker) }]
  })
  return { self, brokers }
}
