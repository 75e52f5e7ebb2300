import { GROUP } from '../crds/index.ts'

/** rbac.authorization.k8s.io/v1 PolicyRule. */
export type PolicyRule = {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}

/** Read, and kept as declared by server-side apply (which makes what is missing, hence create). */
const APPLY = ['get', 'list', 'watch', 'create', 'patch'] as const

/**
 * Every right that the operator uses, and no other; the chart's roles are made from it. What the operator's objects own is removed by
 * the garbage collector, so it deletes nothing but own brokers, volumes under deletionPolicy Delete, and operations
 * whose time is over.
 */
export const operatorRules = {
  /** In every namespace that is watched. */
  watched: [
    { apiGroups: [GROUP], resources: ['queues'], verbs: ['list', 'watch', 'patch'] },
    { apiGroups: [GROUP], resources: ['queuebrokers'], verbs: [...APPLY, 'delete'] },
    { apiGroups: [GROUP], resources: ['queueoperations'], verbs: ['list', 'watch', 'patch', 'delete'] },
    {
      apiGroups: [GROUP],
      resources: ['queues/status', 'queuebrokers/status', 'queueoperations/status'],
      verbs: ['patch'],
    },
    // Owner references that block the owner's deletion ask for this where OwnerReferencesPermissionEnforcement is on.
    { apiGroups: [GROUP], resources: ['queues/finalizers', 'queuebrokers/finalizers'], verbs: ['update'] },
    { apiGroups: [''], resources: ['configmaps', 'secrets', 'serviceaccounts', 'services'], verbs: APPLY },
    { apiGroups: ['apps'], resources: ['statefulsets'], verbs: APPLY },
    { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: APPLY },
    { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: APPLY },
    // Growing a volume is a patch of its claim.
    { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['list', 'watch', 'patch', 'delete'] },
    { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
    // Why a pod or claim waits.
    { apiGroups: [''], resources: ['events'], verbs: ['list'] },
    { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
    // Whether the namespace of a Queue is being deleted.
    { apiGroups: [''], resources: ['namespaces'], verbs: ['get'] },
  ],
  /** In the operator's own namespace. */
  own: [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] }],
  /** Only with PILLION_REACH=ApiServerProxy, so not in the chart: an operator that it installs is inside the cluster. */
  throughApiServer: [{ apiGroups: [''], resources: ['services/proxy'], verbs: ['get', 'create', 'update', 'delete'] }],
} as const satisfies Record<string, readonly PolicyRule[]>
