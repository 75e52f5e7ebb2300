import { statefulSet, withClaimTemplatesOf } from '../../desired/stateful-set.ts'
import { statefulSets } from '../../kube/resources.ts'
import type { Outcome } from '../outcome.ts'
import { applied, ensureOf } from './apply.ts'
import { type BrokerState, found } from './state.ts'

export function applyStatefulSet(state: BrokerState): Promise<Outcome> {
  const { caches, settings } = state.context
  const wanted = statefulSet(found(state.broker, 'the spec'), settings, {
    config: found(state.configMap, 'the configuration'),
    credentials: found(state.credentials, 'the credentials'),
  })
  return applied(ensureOf(state, statefulSets, caches.statefulSets, wanted, { keep: withClaimTemplatesOf }))
}
