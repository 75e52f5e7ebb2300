import type { ApiErrorCode } from '../../../crds/protocol/api.ts'
import { sidecarSecretName } from '../../desired/names.ts'
import { plain } from '../../desired/plain.ts'
import { SidecarError, SidecarUnreachableError } from '../../sidecar-client.ts'
import { done, type Halt, type Outcome, retry, stalled } from '../outcome.ts'
import { accessOf } from './access.ts'
import type { QueueState } from './state.ts'

/** The sidecar could not be asked; what it was told before, it goes on doing. */
export const BROKER_UNREACHABLE = 'BrokerUnreachable'

/** Tells the sidecar what the Queue is to be like, and hears what it is; drift in the broker is put right by that. */
export async function configure(state: QueueState): Promise<Outcome> {
  const { context, stored, name, generation, spec } = state
  if (spec === undefined) throw new Error('the spec is read before the broker is told')
  try {
    const observation = await context.sidecars.put(accessOf(state), name, generation, plain(spec))
    state.observation = observation
    state.counts = context.refreshes.pick(stored, observation.messages, context.clock.now())
    for (const { object, message } of observation.corrected) state.happenings.drift('Stream', `${object}: ${message}`)
    return done
  } catch (error) {
    if (error instanceof SidecarError) return refused(state, error)
    if (error instanceof SidecarUnreachableError) return retry(BROKER_UNREACHABLE, error.message, error)
    throw error
  }
}

/** What another try may mend; everything else stays refused until the manifest changes. */
const transient: readonly ApiErrorCode[] = ['Internal', 'QueueNotFound', 'QueueNotEmpty']

function refused({ brokerName }: QueueState, error: SidecarError): Halt {
  const { code } = error
  const message = error.field === undefined ? error.detail : `${error.field}: ${error.detail}`
  if (code === 'BrokerNotReady') return retry(BROKER_UNREACHABLE, message, error)
  if (transient.includes(code)) return retry(code, message, error)
  if (code !== 'Unauthorized') return stalled(code, message)
  const changed = `Secret ${sidecarSecretName(brokerName)} changed after pod ${brokerName}-0 had started`
  const todo = 'if the pod is not restarted by itself within a minute, delete it'
  return stalled(code, `the sidecar does not take the operator's token: ${changed}; ${todo}`)
}
