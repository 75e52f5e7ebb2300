import { brokerOf, queueRefOf } from './broker-of.ts'
import { BROKER_LABEL, MANAGED_SELECTOR } from './desired/labels.ts'
import { ResourceCache } from './kube/cache.ts'
import type { KubeObject } from './kube/object.ts'
import type { Kind } from './metrics.ts'
import {
  type ConfigMap,
  configMaps,
  type NetworkPolicy,
  networkPolicies,
  type PersistentVolumeClaim,
  persistentVolumeClaims,
  type Pod,
  type PodDisruptionBudget,
  podDisruptionBudgets,
  pods,
  queueBrokers,
  queueOperations,
  queues,
  type Resource,
  type Secret,
  type Service,
  type ServiceAccount,
  type StatefulSet,
  type StoredQueue,
  type StoredQueueBroker,
  type StoredQueueOperation,
  secrets,
  serviceAccounts,
  services,
  statefulSets,
} from './kube/resources.ts'

/** Everything that is watched, as last seen. */
export type Caches = {
  readonly queues: ResourceCache<StoredQueue>
  readonly queueBrokers: ResourceCache<StoredQueueBroker>
  readonly queueOperations: ResourceCache<StoredQueueOperation>
  readonly statefulSets: ResourceCache<StatefulSet>
  readonly services: ResourceCache<Service>
  readonly serviceAccounts: ResourceCache<ServiceAccount>
  readonly secrets: ResourceCache<Secret>
  readonly configMaps: ResourceCache<ConfigMap>
  readonly podDisruptionBudgets: ResourceCache<PodDisruptionBudget>
  readonly networkPolicies: ResourceCache<NetworkPolicy>
  readonly pods: ResourceCache<Pod>
  readonly claims: ResourceCache<PersistentVolumeClaim>
}

/** The index under which things are found by `namespace/broker`. */
export const BY_BROKER = 'broker'

/** The index under which operations are found by `namespace/queue`. */
export const BY_QUEUE = 'queue'

/** The index under which brokers are found by their namespace. */
export const BY_NAMESPACE = 'namespace'

const labelled = <T extends KubeObject>(): ResourceCache<T> =>
  new ResourceCache<T>({ [BY_BROKER]: (object) => brokerKeyOf(object) })

export const newCaches = (): Caches => ({
  queues: new ResourceCache<StoredQueue>({
    [BY_BROKER]: (queue) => `${queue.metadata.namespace ?? ''}/${brokerOf(queue)}`,
  }),
  queueBrokers: new ResourceCache<StoredQueueBroker>({ [BY_NAMESPACE]: ({ metadata }) => metadata.namespace }),
  queueOperations: new ResourceCache<StoredQueueOperation>({
    [BY_QUEUE]: (operation) => `${operation.metadata.namespace ?? ''}/${queueRefOf(operation)}`,
  }),
  statefulSets: labelled(),
  services: labelled(),
  serviceAccounts: labelled(),
  secrets: labelled(),
  configMaps: labelled(),
  podDisruptionBudgets: labelled(),
  networkPolicies: labelled(),
  pods: labelled(),
  claims: labelled(),
})

/** `namespace/broker` of an object that belongs to a broker, by its label. */
export function brokerKeyOf(object: KubeObject): string | undefined {
  const broker = object.metadata.labels?.[BROKER_LABEL]
  return broker === undefined ? undefined : `${object.metadata.namespace ?? ''}/${broker}`
}

/** One watch: what is watched into which cache. */
export type Watched = <T extends KubeObject>(kind: Resource<T>, cache: ResourceCache<T>, labels?: string) => void

/** Calls `watched` for each kind; those that are not ours by label only. */
export function eachWatch(caches: Caches, watched: Watched): void {
  watched(queues, caches.queues)
  watched(queueBrokers, caches.queueBrokers)
  watched(queueOperations, caches.queueOperations)
  watched(statefulSets, caches.statefulSets, MANAGED_SELECTOR)
  watched(services, caches.services, MANAGED_SELECTOR)
  watched(serviceAccounts, caches.serviceAccounts, MANAGED_SELECTOR)
  watched(secrets, caches.secrets, MANAGED_SELECTOR)
  watched(configMaps, caches.configMaps, MANAGED_SELECTOR)
  watched(podDisruptionBudgets, caches.podDisruptionBudgets, MANAGED_SELECTOR)
  watched(networkPolicies, caches.networkPolicies, MANAGED_SELECTOR)
  watched(pods, caches.pods, MANAGED_SELECTOR)
  watched(persistentVolumeClaims, caches.claims, MANAGED_SELECTOR)
}

/** The objects of one of our kinds. */
export const cacheOf = (kind: Kind, caches: Caches) =>
  ({ Queue: caches.queues, QueueBroker: caches.queueBrokers, QueueOperation: caches.queueOperations })[kind]
