import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Api } from './api.ts'
import { type Action, type Claim, provisioner, storageClass, type Volume, volumeName } from './plan.ts'

export type ApplySettings = { directory: string; nodeName: string }

export const volumesPath = '/api/v1/persistentvolumes'

export async function apply(action: Action, api: Api, settings: ApplySettings): Promise<void> {
  switch (action.kind) {
    case 'create':
      return create(action.claim, api, settings)
    case 'remove':
      return remove(action.volume, api, settings)
    case 'grow':
      return grow(action.claim, action.volume, action.size, api)
  }
}

async function create(claim: Claim, api: Api, { directory, nodeName }: ApplySettings): Promise<void> {
  const path = join(directory, volumeName(claim))
  // Owned by root; the kubelet gives it to the pod's fsGroup, as it does with a real disk.
  await mkdir(path, { recursive: true, mode: 0o755 })
  await api.create(volumesPath, persistentVolume(claim, path, nodeName))
}

/** A volume of the type `local`, which, unlike hostPath, takes the ownership that a pod's fsGroup asks for. */
export function persistentVolume(claim: Claim, path: string, nodeName: string): object {
  const { name, namespace, uid } = claim.metadata
  const here = { key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName] }
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: volumeName(claim), annotations: { 'pv.kubernetes.io/provisioned-by': provisioner } },
    spec: {
      capacity: { storage: claim.spec.resources?.requests?.storage },
      accessModes: claim.spec.accessModes,
      storageClassName: storageClass,
      persistentVolumeReclaimPolicy: 'Delete',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid },
      local: { path },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [here] }] } },
    },
  }
}

async function remove(volume: Volume, api: Api, { directory }: ApplySettings): Promise<void> {
  const { name } = volume.metadata
  if (volume.spec.local?.path === join(directory, name))
    await rm(volume.spec.local.path, { recursive: true, force: true })
  await api.remove(`${volumesPath}/${name}`)
}

/** As external resizers do: the volume's capacity first, then word to the kubelet, which ends the expansion once a pod has it mounted. */
async function grow(claim: Claim, volume: Volume, size: string, api: Api): Promise<void> {
  const { name, namespace } = claim.metadata
  const pending = {
    type: 'FileSystemResizePending',
    status: 'True',
    lastTransitionTime: new Date().toISOString(),
    message: 'Waiting for user to (re-)start a pod to finish file system resize of volume on node.',
  }
  const status = {
    conditions: [pending],
    allocatedResources: { storage: size },
    allocatedResourceStatuses: { storage: 'NodeResizePending' },
  }
  await api.merge(`/api/v1/namespaces/${namespace}/persistentvolumeclaims/${name}/status`, { status })
  await api.merge(`${volumesPath}/${volume.metadata.name}`, { spec: { capacity: { storage: size } } })
}
