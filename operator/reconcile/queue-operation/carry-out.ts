import { isFinished } from '../../../crds/protocol/operation.ts'
import { SidecarError, SidecarUnreachableError } from '../../sidecar-client.ts'
import { done, type Outcome, retry, stalled, waiting } from '../outcome.ts'
import { accessOf } from '../queue/access.ts'
import { otherBrokerOf } from './other-broker.ts'
import { requestOf } from './request.ts'
import type { OperationState } from './state.ts'

/** What the sidecar says no to for now. */
const LATER = ['OperationRunning', 'QueueNotPaused', 'QueueNotFound', 'BrokerNotReady', 'Unauthorized', 'Internal']

/** Has the sidecar do it, and hears how far it is. Its id makes a second request the same operation. */
export async function carryOut(state: OperationState): Promise<Outcome> {
  const { context, queueName, id, spec, stored } = state
  if (spec === undefined) throw new Error('the spec is read before it is carried out')
  try {
    const at = accessOf(state)
    const known = await context.sidecars.operation(at, queueName, id)
    if (known === undefined && stored.status?.startedAt !== undefined) {
      return stalled(
        'Forgotten',
        'the broker knows nothing of it any more: its Queue was made anew; make another operation',
      )
    }
    const broker = otherBrokerOf(state)
    // The token of another broker is not kept by this one, so it is told again.
    const isTold = known !== undefined && (broker === undefined || isFinished(known))
    state.operation = isTold ? known : await context.sidecars.operate(at, queueName, requestOf(spec, id, broker))
    if (isFinished(state.operation)) return done
    return waiting(state.operation.state, state.operation.message)
  } catch (error) {
    if (error instanceof SidecarUnreachableError) return retry('BrokerUnreachable', error.message, error)
    if (!(error instanceof SidecarError)) throw error
    const message = error.field === undefined ? error.detail : `${error.field}: ${error.detail}`
    return LATER.includes(error.code) ? waiting(error.code, message) : stalled(error.code, message)
  }
}
