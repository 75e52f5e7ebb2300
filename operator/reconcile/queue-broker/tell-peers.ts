import { peersDigest } from '../../../crds/protocol/peers.ts'
import { SidecarError, SidecarUnreachableError } from '../../sidecar-client.ts'
import { done, type Outcome, retry, stalled } from '../outcome.ts'
import { accessOf } from '../queue/access.ts'
import { wantedPeers } from './peers.ts'
import type { BrokerState } from './state.ts'

/**
 * Tells a broker that is ready of the others of its namespace, for transactions that span them, where it knows something else: its
 * sidecar keeps that in memory only. That there is none it is told too: until then it refuses to say of a Queue that there is none.
 */
export async function tellPeers({ context, namespace, name }: BrokerState): Promise<Outcome> {
  try {
    const access = accessOf({ context, namespace, brokerName: name })
    const known = await context.sidecars.peers(access)
    if (known === undefined) {
      context.log.debug({ broker: name, namespace }, 'the sidecar is older than transactions over several brokers')
      return done
    }
    const wanted = wantedPeers(context.caches, namespace, name)
    if (known.digest !== peersDigest(wanted)) await context.sidecars.tellPeers(access, wanted)
    return done
  } catch (error) {
    if (error instanceof SidecarUnreachableError) return retry('BrokerUnreachable', error.message, error)
    if (!(error instanceof SidecarError)) throw error
    if (error.code === 'BrokerNotReady' || error.code === 'Internal') return retry(error.code, error.message, error)
    context.log.warn({ broker: name, namespace, err: error }, 'the sidecar refuses to be told of the other brokers')
    return stalled(error.code, error.message)
  }
}
