import { claimName, podName, statefulSetName } from '../../desired/names.ts'
import type { KubeObject } from '../../kube/object.ts'
import { type CoreEvent, coreEvents } from '../../kube/resources.ts'
import { type BrokerFacts, readyPods } from '../../status/queue-broker/facts.ts'
import type { Stop } from '../outcome.ts'
import type { BrokerState } from './state.ts'

/** What pods and volume are at, from the caches; why they wait, from the events about what they wait for. */
export async function observe(state: BrokerState, stop: Stop): Promise<BrokerFacts> {
  const { context, namespace, name, broker, growthRefused, heldBy, stored } = state
  const { caches } = context
  const statefulSet = caches.statefulSets.get({ namespace, name: statefulSetName(name) })
  const pod = caches.pods.get({ namespace, name: podName(name) })
  const claim = caches.claims.get({ namespace, name: claimName(name) })
  const ready = readyPods({ statefulSet }) >= (broker?.spec.replicas ?? 1)
  const blocked = claim?.status?.phase === 'Pending' ? claim : (pod ?? statefulSet)
  return {
    name,
    declared: broker && { replicas: broker.spec.replicas, size: broker.spec.storage.size },
    statefulSet,
    pod,
    claim,
    events: ready || blocked === undefined ? [] : await eventsAbout(state, blocked),
    stop,
    growthRefused,
    heldBy,
    previous: stored.status,
  }
}

async function eventsAbout({ context, namespace }: BrokerState, object: KubeObject): Promise<CoreEvent[]> {
  const fields = `involvedObject.uid=${object.metadata.uid ?? ''}`
  const { items } = await context.client.list(coreEvents, { namespace, fields })
  return items
}
