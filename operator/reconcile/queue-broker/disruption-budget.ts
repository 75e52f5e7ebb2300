import { podDisruptionBudget } from '../../desired/pod-disruption-budget.ts'
import { podDisruptionBudgets } from '../../kube/resources.ts'
import type { Outcome } from '../outcome.ts'
import { applied, ensureOf } from './apply.ts'
import { type BrokerState, found } from './state.ts'

export function applyDisruptionBudget(state: BrokerState): Promise<Outcome> {
  const wanted = podDisruptionBudget(found(state.broker, 'the spec'))
  return applied(ensureOf(state, podDisruptionBudgets, state.context.caches.podDisruptionBudgets, wanted))
}
