import type { StatefulSet } from '../kube/resources.ts'

type PodSpec = NonNullable<NonNullable<StatefulSet['spec']>['template']['spec']>
export type Container = PodSpec['containers'][number]
export type EnvVar = NonNullable<Container['env']>[number]

/** What the Pod Security level "restricted" asks of a container, and a root file system that nobody can write to. */
export const restricted: NonNullable<Container['securityContext']> = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
}

export const fromSecret = (name: string, secret: string, key: string): EnvVar => ({
  name,
  valueFrom: { secretKeyRef: { name: secret, key } },
})
