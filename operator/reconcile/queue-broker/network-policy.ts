import { networkPolicy } from '../../desired/network-policy.ts'
import { networkPolicies } from '../../kube/resources.ts'
import type { Outcome } from '../outcome.ts'
import { applied, ensureOf } from './apply.ts'
import { type BrokerState, found } from './state.ts'

export function applyNetworkPolicy(state: BrokerState): Promise<Outcome> {
  const { caches, settings } = state.context
  const wanted = networkPolicy(found(state.broker, 'the spec'), settings)
  return applied(ensureOf(state, networkPolicies, caches.networkPolicies, wanted))
}
