import type {
  V1ConfigMap,
  V1Lease,
  V1Namespace,
  V1NetworkPolicy,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodDisruptionBudget,
  V1Secret,
  V1Service,
  V1ServiceAccount,
  V1StatefulSet,
  CoreV1Event,
  EventsV1Event,
} from '@kubernetes/client-node'
import {
  GROUP,
  type QueueBrokerStatus,
  type QueueOperationStatus,
  type QueueStatus,
  VERSION,
} from '../../crds/index.ts'
import type { Kube, KubeObject, ObjectName } from './object.ts'

/** A kind as the API server's paths name it. The type parameter is what its objects look like. */
export type Resource<T extends KubeObject> = {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
  /** Never there; carries the type. */
  readonly object?: T
}

const resource = <T extends KubeObject>(group: string, version: string, plural: string, kind: string): Resource<T> => ({
  group,
  version,
  plural,
  kind,
  namespaced: kind !== 'Namespace',
})

export type StatefulSet = Kube<V1StatefulSet>
export type Service = Kube<V1Service>
export type ServiceAccount = Kube<V1ServiceAccount>
export type Secret = Kube<V1Secret>
export type ConfigMap = Kube<V1ConfigMap>
export type Pod = Kube<V1Pod>
export type PersistentVolumeClaim = Kube<V1PersistentVolumeClaim>
export type PodDisruptionBudget = Kube<V1PodDisruptionBudget>
export type NetworkPolicy = Kube<V1NetworkPolicy>
export type Namespace = Kube<V1Namespace>
export type Lease = Kube<V1Lease>
export type CoreEvent = Kube<CoreV1Event>
export type KubeEvent = Kube<EventsV1Event>
/** As stored. `spec` goes through the parse functions of crds/; `status` is our own, in a form that the API server has checked. */
export type StoredQueue = KubeObject & { spec?: unknown; status?: QueueStatus }
export type StoredQueueBroker = KubeObject & { spec?: unknown; status?: QueueBrokerStatus }
export type StoredQueueOperation = KubeObject & { spec?: unknown; status?: QueueOperationStatus }

export const queues = resource<StoredQueue>(GROUP, VERSION, 'queues', 'Queue')
export const queueBrokers = resource<StoredQueueBroker>(GROUP, VERSION, 'queuebrokers', 'QueueBroker')
export const queueOperations = resource<StoredQueueOperation>(GROUP, VERSION, 'queueoperations', 'QueueOperation')
export const statefulSets = resource<StatefulSet>('apps', 'v1', 'statefulsets', 'StatefulSet')
export const services = resource<Service>('', 'v1', 'services', 'Service')
export const serviceAccounts = resource<ServiceAccount>('', 'v1', 'serviceaccounts', 'ServiceAccount')
export const secrets = resource<Secret>('', 'v1', 'secrets', 'Secret')
export const configMaps = resource<ConfigMap>('', 'v1', 'configmaps', 'ConfigMap')
export const pods = resource<Pod>('', 'v1', 'pods', 'Pod')
export const persistentVolumeClaims = resource<PersistentVolumeClaim>(
  '',
  'v1',
  'persistentvolumeclaims',
  'PersistentVolumeClaim',
)
export const podDisruptionBudgets = resource<PodDisruptionBudget>(
  'policy',
  'v1',
  'poddisruptionbudgets',
  'PodDisruptionBudget',
)
export const networkPolicies = resource<NetworkPolicy>('networking.k8s.io', 'v1', 'networkpolicies', 'NetworkPolicy')
export const namespaces = resource<Namespace>('', 'v1', 'namespaces', 'Namespace')
export const leases = resource<Lease>('coordination.k8s.io', 'v1', 'leases', 'Lease')
/** Read here, since only the core kind can be asked for by the object that events are about. */
export const coreEvents = resource<CoreEvent>('', 'v1', 'events', 'Event')
export const kubeEvents = resource<KubeEvent>('events.k8s.io', 'v1', 'events', 'Event')

export const apiVersionOf = (kind: Resource<KubeObject>): string =>
  kind.group === '' ? kind.version : `${kind.group}/${kind.version}`

/** The path of the collection; without a namespace, that of all namespaces. */
export function collectionPath(kind: Resource<KubeObject>, namespace?: string): string {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`
  const scope = kind.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : ''
  return `${root}${scope}/${kind.plural}`
}

export const objectPath = (kind: Resource<KubeObject>, at: ObjectName): string =>
  `${collectionPath(kind, at.namespace)}/${encodeURIComponent(at.name)}`
