import { stringify } from 'yaml'
import { identities } from './pki.ts'
import { provisioner, storageClass } from './volumes/plan.ts'

/** The objects that a new cluster gets, as YAML: the default StorageClass and what CoreDNS and the provisioner may do. */
export function clusterObjects(): string {
  const objects = [
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: storageClass, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner,
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'Immediate',
      allowVolumeExpansion: true,
    },
    ...role(identities.coredns.user, [
      { apiGroups: [''], resources: ['services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
    ]),
    ...role(identities.volumes.user, [
      { apiGroups: [''], resources: ['persistentvolumes'], verbs: ['list', 'watch', 'create', 'patch', 'delete'] },
      { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['list', 'watch'] },
      { apiGroups: [''], resources: ['persistentvolumeclaims/status'], verbs: ['patch'] },
    ]),
  ]
  return objects.map((object) => stringify(object)).join('---\n')
}

function role(user: string, rules: object[]): object[] {
  const apiGroup = 'rbac.authorization.k8s.io'
  return [
    { apiVersion: `${apiGroup}/v1`, kind: 'ClusterRole', metadata: { name: user }, rules },
    {
      apiVersion: `${apiGroup}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: user },
      roleRef: { apiGroup, kind: 'ClusterRole', name: user },
      subjects: [{ apiGroup, kind: 'User', name: user }],
    },
  ]
}
