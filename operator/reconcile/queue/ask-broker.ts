import type { MessageCounts } from '../../../crds/protocol/api.ts'
import { brokerRefOf } from '../../broker-of.ts'
import { isGoing } from '../../kube/object.ts'
import { SidecarError, SidecarUnreachableError } from '../../sidecar-client.ts'
import { conditionOf, isFalse } from '../../status/condition.ts'
import { done, type Outcome, waiting } from '../outcome.ts'
import { accessOf } from './access.ts'
import { deletionPolicyOf, isBrokerShared, ownBrokerOf } from './deletion.ts'
import type { QueueState } from './state.ts'

/**
 * Has the broker remove the Queue, or says why deletion waits. Status may be half a minute old, so the broker itself is asked
 * whether messages are left. A broker that is gone, or going and not to be reached, holds nothing up; its volume stays.
 */
export async function askBroker(state: QueueState): Promise<Outcome> {
  const { context, stored, namespace, brokerName } = state
  const own = brokerRefOf(stored) === undefined
  const broker = own ? ownBrokerOf(state) : context.caches.queueBrokers.get({ namespace, name: brokerName })
  state.broker = broker
  if (broker === undefined) return unasked(state, 'BrokerGone', `QueueBroker ${brokerName} is gone`)
  const policy = deletionPolicyOf(state)
  if (own && policy !== 'KeepNonEmpty' && !isBrokerShared(state)) return done
  try {
    const access = accessOf(state)
    if (policy === 'KeepNonEmpty') {
      const observation = await context.sidecars.get(access, state.name)
      if (observation === undefined) return done
      if (waitingMessages(observation.messages) > 0) return notEmpty(state, observation.messages)
    }
    await context.sidecars.remove(access, state.name, policy)
    return done
  } catch (error) {
    if (error instanceof SidecarError && error.code === 'QueueNotEmpty') return notEmpty(state, error.messages)
    if (!(error instanceof SidecarError) && !(error instanceof SidecarUnreachableError)) throw error
    if (isGoing(broker)) return unasked(state, 'BrokerGoing', `QueueBroker ${brokerName} is being deleted`)
    if (!wasConfigured(state))
      return unasked(state, 'NeverConfigured', 'the Queue never got as far as to take a message')
    return heldBack(state, error instanceof SidecarError ? error.code : 'BrokerUnreachable', error.message)
  }
}

const waitingMessages = ({ ready, inFlight, delayed }: MessageCounts): number => ready + inFlight + delayed

function unasked({ happenings, context, name }: QueueState, reason: string, why: string): Outcome {
  const note = `${why}: it was not asked for messages, and volumes with what they hold stay`
  happenings.note({ type: reason === 'BrokerGoing' ? 'Warning' : 'Normal', reason, action: 'Release', note })
  context.log.info({ queue: name, reason }, note)
  return done
}

function notEmpty(state: QueueState, messages: MessageCounts | undefined): Outcome {
  const { context, stored, name, happenings } = state
  const now = context.clock.now()
  state.counts = context.refreshes.pick(stored, messages, now)
  const { ready = 0, inFlight = 0, delayed = 0 } = state.counts ?? messages ?? {}
  const left = ready + inFlight + delayed
  const holds = `queue ${name} still holds ${left} ${left === 1 ? 'message' : 'messages'} (${ready} ready, ${inFlight} in flight, ${delayed} delayed)`
  const todo =
    'deletion goes on by itself when consumers have drained it; or set spec.deletionPolicy: Delete to delete the messages with it, or Retain to keep them for a Queue of the same name'
  state.hold = isFalse('NotEmpty', `${holds}; ${todo}`)
  const before = conditionOf(stored.status?.conditions, 'Deletable')
  if (before?.message !== state.hold.message) {
    happenings.note({ type: 'Warning', reason: 'NotEmpty', action: 'Delete', note: state.hold.message })
  }
  return waiting('NotEmpty', state.hold.message)
}

function heldBack(state: QueueState, reason: string, why: string): Outcome {
  const todo =
    ownBrokerOf(state) === undefined
      ? `bring QueueBroker ${state.brokerName} back, or delete it too (its volume is kept)`
      : 'bring the broker back; or set spec.deletionPolicy: Retain to keep the volume as it is, or Delete to delete it unasked'
  state.hold = isFalse(reason, `the broker cannot be asked whether messages are left: ${why}; ${todo}`)
  return waiting(reason, state.hold.message)
}

/** Nothing can have been published to a Queue that no broker was told about. */
function wasConfigured({ stored }: QueueState): boolean {
  const configured = conditionOf(stored.status?.conditions, 'Configured')
  return configured?.status === 'True' || stored.status?.messages !== undefined
}
