import { clientService } from '../../desired/client-service.ts'
import { podsService } from '../../desired/pods-service.ts'
import { services } from '../../kube/resources.ts'
import { done, type Outcome } from '../outcome.ts'
import { ensureOf } from './apply.ts'
import { type BrokerState, found } from './state.ts'

export async function applyServices(state: BrokerState): Promise<Outcome> {
  const broker = found(state.broker, 'the spec')
  for (const wanted of [podsService(broker), clientService(broker)]) {
    const { halt } = await ensureOf(state, services, state.context.caches.services, wanted)
    if (halt !== undefined) return halt
  }
  return done
}
