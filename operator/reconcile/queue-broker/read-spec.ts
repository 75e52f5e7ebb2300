import { nameProblems, parseQueueBrokerSpec } from '../../../crds/index.ts'
import { done, type Outcome, stalled } from '../outcome.ts'
import type { BrokerState } from './state.ts'

/** The API server has checked the spec already, unless its CRD is another version than this operator. */
export async function readBrokerSpec(state: BrokerState): Promise<Outcome> {
  const { stored, name, namespace } = state
  const parsed = parseQueueBrokerSpec(stored.spec ?? {})
  const problems = [...nameProblems(name), ...(parsed.ok ? [] : parsed.problems)]
  if (!parsed.ok || problems.length > 0) {
    return stalled('InvalidSpec', problems.map(({ field, message }) => `${field} ${message}`).join('; '))
  }
  state.broker = { object: stored, name, namespace, spec: parsed.value }
  return done
}
