import { parseQueueOperation } from '../../../crds/index.ts'
import { done, type Outcome, stalled } from '../outcome.ts'
import type { OperationState } from './state.ts'

export async function readOperationSpec(state: OperationState): Promise<Outcome> {
  const { apiVersion, kind, metadata, spec } = state.stored
  const parsed = parseQueueOperation({ apiVersion, kind, metadata, spec })
  if (parsed.ok) {
    state.spec = parsed.value.spec
    return done
  }
  return stalled('InvalidSpec', parsed.problems.map(({ field, message }) => `${field}: ${message}`).join('; '))
}
