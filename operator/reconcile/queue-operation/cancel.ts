import { isFinished } from '../../../crds/protocol/operation.ts'
import { isGoing } from '../../kube/object.ts'
import { queueOperations } from '../../kube/resources.ts'
import { SidecarError, SidecarUnreachableError } from '../../sidecar-client.ts'
import { hasFinalizer, OPERATION_FINALIZER, removeFinalizer } from '../finalizer.ts'
import { done, type Outcome, retry } from '../outcome.ts'
import { accessOf } from '../queue/access.ts'
import { otherBrokerOf } from './other-broker.ts'
import { readOperationSpec } from './read-spec.ts'
import { requestOf } from './request.ts'
import type { OperationState } from './state.ts'

/** It is being deleted: what of it is under way is ended first. With a Queue that is gone or going there is nothing to end. */
export async function cancel(state: OperationState): Promise<Outcome> {
  const { context, stored, queue, queueName, id } = state
  state.released = true
  if (!hasFinalizer(stored, OPERATION_FINALIZER)) return done
  if (queue !== undefined && !isGoing(queue) && stored.status?.finishedAt === undefined) {
    try {
      await tellToken(state)
      await context.sidecars.cancelOperation(accessOf(state), queueName, id)
    } catch (error) {
      if (error instanceof SidecarUnreachableError || error instanceof SidecarError) {
        state.released = false
        return retry('BrokerUnreachable', `the broker cannot be told to end it: ${error.message}`, error)
      }
      throw error
    }
  }
  await removeFinalizer(context, queueOperations, stored, OPERATION_FINALIZER)
  return done
}

/** Without the other broker's token, which it does not keep over a restart, it could not find out what was copied there. */
async function tellToken(state: OperationState): Promise<void> {
  const { context, queueName, id } = state
  const broker = otherBrokerOf(state)
  if (broker === undefined) return
  await readOperationSpec(state)
  if (state.spec === undefined) return
  const at = accessOf(state)
  const known = await context.sidecars.operation(at, queueName, id)
  if (known === undefined || isFinished(known)) return
  await context.sidecars.operate(at, queueName, requestOf(state.spec, id, broker))
}
