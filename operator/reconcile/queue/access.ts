import { secretText } from '../../desired/secrets.ts'
import { sidecarSecretName } from '../../desired/names.ts'
import { type BrokerAccess, SidecarUnreachableError } from '../../sidecar-client.ts'
import type { QueueState } from './state.ts'

/** @throws SidecarUnreachableError when the broker's Secret holds no token (yet) */
export function accessOf({
  context,
  namespace,
  brokerName,
}: Pick<QueueState, 'context' | 'namespace' | 'brokerName'>): BrokerAccess {
  const name = sidecarSecretName(brokerName)
  const token = secretText(context.caches.secrets.get({ namespace, name }), 'token')
  if (token === undefined)
    throw new SidecarUnreachableError(`Secret ${name} holds no token; it is made with the broker`)
  return { namespace, broker: brokerName, token }
}
