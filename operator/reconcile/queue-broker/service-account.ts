import { serviceAccount } from '../../desired/service-account.ts'
import { serviceAccounts } from '../../kube/resources.ts'
import type { Outcome } from '../outcome.ts'
import { applied, ensureOf } from './apply.ts'
import { type BrokerState, found } from './state.ts'

export function applyServiceAccount(state: BrokerState): Promise<Outcome> {
  const wanted = serviceAccount(found(state.broker, 'the spec'))
  return applied(ensureOf(state, serviceAccounts, state.context.caches.serviceAccounts, wanted))
}
