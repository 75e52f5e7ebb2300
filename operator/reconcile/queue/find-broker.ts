import { parseQueueBrokerSpec, type QueueBrokerSpec } from '../../../crds/index.ts'
import { plain } from '../../desired/plain.ts'
import { ownBroker } from '../../desired/own-broker.ts'
import { isControlledBy, isGoing } from '../../kube/object.ts'
import { queueBrokers } from '../../kube/resources.ts'
import { ensure } from '../objects/ensure.ts'
import { done, type Outcome, waiting } from '../outcome.ts'
import type { QueueState } from './state.ts'

/** The QueueBroker that the Queue names; or its own, which is made, and kept as the Queue's spec says. */
export async function findBroker(state: QueueState): Promise<Outcome> {
  const { context, stored, namespace, brokerName, spec } = state
  const existing = context.caches.queueBrokers.get({ namespace, name: brokerName })
  if (spec?.brokerRef !== undefined) {
    if (existing === undefined) {
      const todo = 'make it, and this Queue goes on by itself'
      return waiting('BrokerNotFound', `there is no QueueBroker ${brokerName} in namespace ${namespace}; ${todo}`)
    }
    state.broker = existing
    return done
  }
  // Somebody deleted it; it stays as long as this Queue does, and so works on.
  if (existing !== undefined && isGoing(existing) && isControlledBy(existing, stored)) {
    state.broker = existing
    return done
  }
  const { object, halt } = await ensure(context, state.happenings, {
    kind: queueBrokers,
    cache: context.caches.queueBrokers,
    owner: stored,
    wanted: ownBroker(stored, plain(spec?.broker ?? defaultBroker())),
    settled: stored.status?.observedGeneration === state.generation && stored.status.broker !== undefined,
  })
  if (halt !== undefined) return halt
  state.broker = object
  return done
}

function defaultBroker(): QueueBrokerSpec {
  const parsed = parseQueueBrokerSpec({})
  if (!parsed.ok) throw new Error('the empty spec of a QueueBroker has to be a good one')
  return parsed.value
}
