import { BY_BROKER, BY_QUEUE, brokerKeyOf, type Caches } from './caches.ts'
import { brokerOf } from './broker-of.ts'
import { secretText } from './desired/secrets.ts'
import type { Change } from './kube/cache.ts'
import { type KubeObject, keyOf, type ObjectKey } from './kube/object.ts'
import type { StoredQueue, StoredQueueBroker } from './kube/resources.ts'
import { conditionOf } from './status/condition.ts'
import { CONFIGURED } from './status/queue/configured.ts'
import { BROKER_READY } from './status/queue-broker/broker-ready.ts'

/** Where keys go that are to be reconciled. */
export type Wants = {
  queue(key: ObjectKey): void
  broker(key: ObjectKey): void
  operation(key: ObjectKey): void
  /** Every broker of a namespace, soon: what they are to know of each other may have changed. */
  peers(namespace: string): void
}

/** Which change makes what to be looked at again. Our own writes of status come by here too, and must not go round in a circle. */
export function wire(caches: Caches, wants: Wants): void {
  caches.queues.onChange(({ before, after }) => {
    if (isMoreThanStatus(before, after)) {
      each(before, after, (queue) => wants.queue(keyOf(queue)))
      // The broker counts its Queues, and goes when the last one that needs it is gone.
      if (isHoldChange(before, after)) each(before, after, (queue) => wants.broker(brokerKey(queue)))
    }
    if (isOther(before, after)) each(before, after, (queue) => wants.peers(namespaceOf(queue)))
    // Operations wait until their Queue is there, and configured; pausing it is what some wait for.
    if (!isMoreThanStatus(before, after) && isConfigured(before) === isConfigured(after)) return
    each(before, after, (queue) => {
      for (const operation of caches.queueOperations.by(BY_QUEUE, keyOf(queue))) wants.operation(keyOf(operation))
    })
  })
  caches.queueOperations.onChange(({ before, after }) => {
    if (isMoreThanStatus(before, after)) each(before, after, (operation) => wants.operation(keyOf(operation)))
  })
  caches.queueBrokers.onChange(({ before, after }) => {
    const more = isMoreThanStatus(before, after)
    if (more) each(before, after, (broker) => wants.broker(keyOf(broker)))
    if (isOther(before, after) || before?.status?.address !== after?.status?.address)
      each(before, after, (broker) => wants.peers(namespaceOf(broker)))
    if (!more && readiness(before) === readiness(after)) return
    each(before, after, (broker) => {
      for (const queue of caches.queues.by(BY_BROKER, keyOf(broker))) wants.queue(keyOf(queue))
    })
  })
  const ofBroker = <T extends KubeObject>({ before, after }: Change<T>): void =>
    each(before, after, (object) => {
      const key = brokerKeyOf(object)
      if (key !== undefined) wants.broker(key)
    })
  caches.statefulSets.onChange(ofBroker)
  caches.services.onChange(ofBroker)
  caches.serviceAccounts.onChange(ofBroker)
  caches.secrets.onChange(ofBroker)
  caches.secrets.onChange(({ before, after }) => {
    if (secretText(before, 'token') !== secretText(after, 'token'))
      each(before, after, (secret) => wants.peers(namespaceOf(secret)))
  })
  caches.configMaps.onChange(ofBroker)
  caches.podDisruptionBudgets.onChange(ofBroker)
  caches.networkPolicies.onChange(ofBroker)
  caches.pods.onChange(ofBroker)
  caches.claims.onChange(ofBroker)
}

const brokerKey = (queue: StoredQueue): ObjectKey => `${queue.metadata.namespace ?? ''}/${brokerOf(queue)}`

function each<T>(before: T | undefined, after: T | undefined, tell: (object: T) => void): void {
  const object = after ?? before
  if (object !== undefined) tell(object)
}

const namespaceOf = ({ metadata }: KubeObject): string => metadata.namespace ?? ''

/** It came, went, or was made anew. */
const isOther = (before: KubeObject | undefined, after: KubeObject | undefined): boolean =>
  before?.metadata.uid !== after?.metadata.uid

/** Everything that a write of status leaves as it is. */
function isMoreThanStatus(before: KubeObject | undefined, after: KubeObject | undefined): boolean {
  if (before === undefined || after === undefined) return true
  const [a, b] = [before.metadata, after.metadata]
  return (
    a.uid !== b.uid ||
    a.generation !== b.generation ||
    a.deletionTimestamp !== b.deletionTimestamp ||
    JSON.stringify([a.finalizers, a.ownerReferences, a.labels, a.annotations]) !==
      JSON.stringify([b.finalizers, b.ownerReferences, b.labels, b.annotations])
  )
}

function isHoldChange(before: StoredQueue | undefined, after: StoredQueue | undefined): boolean {
  if (before === undefined || after === undefined) return true
  return (
    before.metadata.deletionTimestamp !== after.metadata.deletionTimestamp ||
    before.metadata.finalizers?.join() !== after.metadata.finalizers?.join()
  )
}

const isConfigured = (queue: StoredQueue | undefined): boolean =>
  conditionOf(queue?.status?.conditions, CONFIGURED)?.status === 'True'

/** What Queues take over from their broker. */
function readiness(broker: StoredQueueBroker | undefined): string {
  const condition = conditionOf(broker?.status?.conditions, BROKER_READY)
  return condition === undefined ? '' : `${condition.status} ${condition.reason} ${condition.message}`
}
