import { BROKER_LABEL, MANAGED_BY_LABEL } from '../../desired/labels.ts'
import { isControlledBy, isGoing, type KubeObject } from '../../kube/object.ts'

/**
 * Whose an object is that has the name of one of ours:
 * - `ours`: its controller is the owner, or it has none and carries our labels (somebody removed the reference: it is put back).
 * - `leaving`: it is being deleted, or belonged to an owner of the same name that is gone; it will be collected.
 * - `foreign`: it is somebody else's, and is left alone.
 */
export type Ownership = 'ours' | 'leaving' | 'foreign'

export function ownershipOf(object: KubeObject, owner: KubeObject): Ownership {
  if (isGoing(object)) return 'leaving'
  if (isControlledBy(object, owner)) return 'ours'
  const controller = object.metadata.ownerReferences?.find((reference) => reference.controller === true)
  if (controller === undefined) return carriesLabels(object, owner) ? 'ours' : 'foreign'
  return controller.kind === owner.kind && controller.name === owner.metadata.name ? 'leaving' : 'foreign'
}

function carriesLabels(object: KubeObject, owner: KubeObject): boolean {
  const labels = object.metadata.labels ?? {}
  return labels[MANAGED_BY_LABEL] === 'pillion' && labels[BROKER_LABEL] === owner.metadata.name
}
