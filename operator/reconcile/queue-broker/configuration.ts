import { parseQuantity } from '../../../crds/index.ts'
import { configMap } from '../../desired/config-map.ts'
import { claimName } from '../../desired/names.ts'
import { configMaps } from '../../kube/resources.ts'
import { bytesOf } from '../../bytes.ts'
import { done, type Outcome } from '../outcome.ts'
import { ensureOf } from './apply.ts'
import { type BrokerState, found } from './state.ts'

export async function applyConfiguration(state: BrokerState): Promise<Outcome> {
  const wanted = configMap(found(state.broker, 'the spec'), volumeBytes(state))
  const { object, halt } = await ensureOf(state, configMaps, state.context.caches.configMaps, wanted)
  if (halt !== undefined) return halt
  state.configMap = object
  return done
}

/**
 * How much nats-server may count on: what is declared, as far as the volume is that big. A volume that grows is used when it has
 * grown; one that is bigger than declared (the class rounds up) is used as declared.
 */
function volumeBytes({ context, broker, namespace, name }: BrokerState): number {
  const declared = parseQuantity(found(broker, 'the spec').spec.storage.size)
  const claim = context.caches.claims.get({ namespace, name: claimName(name) })
  return Math.min(declared, bytesOf(claim?.status?.capacity?.['storage']) ?? declared)
}
