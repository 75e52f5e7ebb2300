import type { KubeClient } from '../../../operator/kube/client.ts'
import type { KubeObject } from '../../../operator/kube/object.ts'
import type { Resource } from '../../../operator/kube/resources.ts'

const storageClasses: Resource<KubeObject & { provisioner: string; allowVolumeExpansion: boolean }> = {
  group: 'storage.k8s.io',
  version: 'v1',
  plural: 'storageclasses',
  kind: 'StorageClass',
  namespaced: false,
}

/** A class whose volumes are bound by the fake kubelet. */
export async function createStorageClass(
  admin: KubeClient,
  name: string,
  allowVolumeExpansion: boolean,
): Promise<void> {
  await admin.create(storageClasses, {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name },
    provisioner: 'example.com/none',
    allowVolumeExpansion,
  })
}
