import { nameProblems, parseQueueSpec } from '../../../crds/index.ts'
import { done, type Outcome, stalled } from '../outcome.ts'
import type { QueueState } from './state.ts'

/** The API server has checked the spec already, unless its CRD is another version than this operator. */
export async function readQueueSpec(state: QueueState): Promise<Outcome> {
  const parsed = parseQueueSpec(state.stored.spec ?? {})
  const problems = [...nameProblems(state.name), ...(parsed.ok ? [] : parsed.problems)]
  if (!parsed.ok || problems.length > 0) {
    return stalled('InvalidSpec', problems.map(({ field, message }) => `${field} ${message}`).join('; '))
  }
  state.spec = parsed.value
  return done
}
