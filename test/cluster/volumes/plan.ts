import { isSize, parseQuantity } from '../../../crds/values/quantity.ts'

/** The parts of a PersistentVolumeClaim that are looked at. */
export type Claim = {
  metadata: { name: string; namespace: string; uid: string; deletionTimestamp?: string }
  spec: {
    storageClassName?: string
    volumeName?: string
    volumeMode?: string
    accessModes?: string[]
    resources?: { requests?: { storage?: string } }
  }
  status?: { phase?: string; capacity?: { storage?: string } }
}

/** The parts of a PersistentVolume that are looked at. */
export type Volume = {
  metadata: { name: string; annotations?: Record<string, string>; deletionTimestamp?: string }
  spec: { capacity: { storage: string }; persistentVolumeReclaimPolicy?: string; local?: { path: string } }
  status?: { phase?: string }
}

export type Action =
  | { kind: 'create'; claim: Claim }
  | { kind: 'remove'; volume: Volume }
  | { kind: 'grow'; claim: Claim; volume: Volume; size: string }

export const storageClass = 'standard'
export const provisioner = 'pillion.dev/local'

/** What to do so that every claim of the class has its volume, of the size that it asks for, and no released one is left. */
export function plan(claims: Claim[], volumes: Volume[]): Action[] {
  const ours = new Map(volumes.filter(isOurs).map((volume) => [volume.metadata.name, volume]))
  return [...claims.flatMap((claim) => forClaim(claim, ours)), ...[...ours.values()].flatMap(forVolume)]
}

export const volumeName = (claim: Claim): string => `pvc-${claim.metadata.uid}`

function isOurs(volume: Volume): boolean {
  return volume.metadata.annotations?.['pv.kubernetes.io/provisioned-by'] === provisioner
}

function forClaim(claim: Claim, ours: Map<string, Volume>): Action[] {
  if (claim.spec.storageClassName !== storageClass || claim.metadata.deletionTimestamp) return []
  const size = claim.spec.resources?.requests?.storage
  const volume = ours.get(claim.spec.volumeName ?? volumeName(claim))
  if (!volume) return claim.spec.volumeName || claim.spec.volumeMode === 'Block' ? [] : [{ kind: 'create', claim }]
  if (claim.status?.phase !== 'Bound' || !size) return []
  return isBigger(size, volume.spec.capacity.storage) ? [{ kind: 'grow', claim, volume, size }] : []
}

function forVolume(volume: Volume): Action[] {
  const released = volume.status?.phase === 'Released' && volume.spec.persistentVolumeReclaimPolicy === 'Delete'
  return released && !volume.metadata.deletionTimestamp ? [{ kind: 'remove', volume }] : []
}

/** A size in a notation that is seldom used, such as `1e9`, is taken as no bigger, rather than stopping all work. */
function isBigger(wanted: string, present: string): boolean {
  return isSize(wanted) && isSize(present) && parseQuantity(wanted) > parseQuantity(present)
}
