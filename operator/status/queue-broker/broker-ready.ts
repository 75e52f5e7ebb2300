import { isGoing } from '../../kube/object.ts'
import { conditionOf, type Fact, isFalse, isTrue } from '../condition.ts'
import { containerTrouble } from './container-trouble.ts'
import { eventMessage } from './event-message.ts'
import { type BrokerFacts, readyPods } from './facts.ts'

export const BROKER_READY = 'BrokerReady'

/** Whether Queues can be served: the pods are ready, or the first reason why not, from the volume up. */
export function brokerReady(facts: BrokerFacts): Fact {
  const { name, declared, statefulSet, stop, claim, pod } = facts
  if (statefulSet === undefined) {
    if (stop !== undefined) return isFalse(stop.halt.reason, stop.halt.message)
    return isFalse('StatefulSetMissing', `StatefulSet ${name} is not there yet`)
  }
  const wanted = declared?.replicas ?? statefulSet.spec?.replicas ?? 1
  if (readyPods(facts) >= wanted) return isTrue('PodsReady', 'the broker pod is ready')
  if (claim?.status?.phase === 'Pending')
    return because(facts, 'VolumeNotBound', `volume ${claim.metadata.name} is not bound`)
  if (claim?.status?.phase === 'Lost') {
    return isFalse(
      'VolumeLost',
      `volume ${claim.metadata.name} lost what it was bound to; restore the PersistentVolume`,
    )
  }
  if (pod === undefined) return because(facts, 'PodMissing', `pod ${name}-0 is not there yet`)
  if (isGoing(pod)) return isFalse('PodEnding', `pod ${pod.metadata.name} is ending, and will be made again`)
  const scheduled = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled')
  if (scheduled?.status === 'False') return because(facts, 'PodNotScheduled', `no node takes pod ${pod.metadata.name}`)
  return containerTrouble(pod) ?? because(facts, 'PodNotReady', `pod ${pod.metadata.name} is starting`)
}

function because(facts: BrokerFacts, reason: string, what: string): Fact {
  const before = conditionOf(facts.previous?.conditions, BROKER_READY)
  const said = eventMessage(facts.events, before?.reason === reason ? before.message : undefined)
  return isFalse(reason, said === undefined ? what : `${what}: ${said}`)
}
