import type { OtherBroker } from '../../../crds/protocol/copies.ts'
import { serviceUrl } from '../../sidecar-client.ts'
import { accessOf } from '../queue/access.ts'
import type { OperationState } from './state.ts'

/** How the sidecar of the source reaches the one of the Queue that Move moves to. @throws SidecarUnreachableError */
export function otherBrokerOf(state: OperationState): OtherBroker | undefined {
  if (state.otherBroker === undefined) return undefined
  const { token, ...at } = accessOf({ ...state, brokerName: state.otherBroker })
  return { url: serviceUrl(at), token }
}
