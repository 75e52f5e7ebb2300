import type { Condition, QueueBrokerStatus, QueueStatus } from '../../../crds/index.ts'

/** Objects as `kubectl get -o json` gives them, as far as the tests look at them. */
export interface Stored {
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid: string
    readonly generation?: number
    readonly resourceVersion: string
    readonly deletionTimestamp?: string
    readonly annotations?: Readonly<Record<string, string>>
    readonly labels?: Readonly<Record<string, string>>
    readonly finalizers?: readonly string[]
  }
}

export interface StoredQueue extends Stored {
  readonly status?: QueueStatus
}

export interface StoredBroker extends Stored {
  readonly status?: QueueBrokerStatus
}

export interface ContainerStatus {
  readonly name: string
  readonly restartCount: number
  /** `containerd://<id>`; missing while there is no container. */
  readonly containerID?: string
  readonly ready: boolean
}

interface Container {
  readonly name: string
  readonly image: string
  readonly resources?: { readonly requests?: Readonly<Record<string, string>> }
}

export interface StoredPod extends Stored {
  readonly spec: { readonly containers: readonly Container[]; readonly initContainers?: readonly Container[] }
  readonly status: {
    readonly phase: string
    readonly podIP?: string
    readonly conditions?: readonly Pick<Condition, 'type' | 'status'>[]
    readonly containerStatuses?: readonly ContainerStatus[]
    readonly initContainerStatuses?: readonly ContainerStatus[]
  }
}

/** An event of core/v1, which holds those of events.k8s.io/v1 too. */
export interface StoredEvent extends Stored {
  readonly type: string
  readonly reason: string
  readonly message: string
  readonly involvedObject: { readonly kind: string; readonly name: string }
}

export interface StoredService extends Stored {
  readonly spec: { readonly clusterIP: string; readonly ports: ReadonlyArray<{ name: string; port: number }> }
}

export interface StoredSecret extends Stored {
  readonly data: Readonly<Record<string, string>>
}

export interface StoredClaim extends Stored {
  readonly spec: { readonly volumeName?: string }
  readonly status: { readonly phase: string }
}

export interface StoredWorkload extends Stored {
  readonly spec: { readonly replicas: number }
  readonly status: { readonly readyReplicas?: number }
}

export const conditionOf = (
  object: { readonly status?: { readonly conditions?: readonly Condition[] | undefined } } | undefined,
  type: string,
): Condition | undefined => object?.status?.conditions?.find((condition) => condition.type === type)

/** Ready for the spec as it is now. */
export const isReady = (object: StoredQueue | StoredBroker | undefined): boolean =>
  object !== undefined &&
  object.status?.observedGeneration === object.metadata.generation &&
  conditionOf(object, 'Ready')?.status === 'True'

export const isPodReady = ({ metadata, status }: StoredPod): boolean =>
  metadata.deletionTimestamp === undefined &&
  (status.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True')

export const containersOf = ({ status }: StoredPod): readonly ContainerStatus[] => [
  ...(status.initContainerStatuses ?? []),
  ...(status.containerStatuses ?? []),
]

/** How often each container was started again, by name. */
export const restartsOf = (pod: StoredPod): Record<string, number> =>
  Object.fromEntries(containersOf(pod).map(({ name, restartCount }) => [name, restartCount]))
