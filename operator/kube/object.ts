/** What every Kubernetes object carries, as JSON has it: times are strings. */
export type Meta = {
  name: string
  namespace?: string
  uid?: string
  resourceVersion?: string
  generation?: number
  creationTimestamp?: string | null
  deletionTimestamp?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  finalizers?: string[]
  ownerReferences?: OwnerReference[]
}

export type OwnerReference = {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

export type KubeObject = { apiVersion: string; kind: string; metadata: Meta }

/**
 * client-node's types describe what its serializer makes: Dates for times, `_from` for `from`. We read and write the JSON itself.
 */
export type Raw<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Raw<Item>[]
    : T extends object
      ? { [K in keyof T as K extends `_${infer Name}` ? Name : K]: Raw<T[K]> }
      : T

/** A built-in kind in its JSON form. */
export type Kube<T> = Omit<Raw<T>, 'apiVersion' | 'kind' | 'metadata'> & KubeObject

/** Where an object is. */
export type ObjectName = { readonly namespace: string; readonly name: string }

/** `namespace/name`, the key of work queues and caches. */
export type ObjectKey = string

export const keyOf = (object: { metadata: Meta }): ObjectKey =>
  `${object.metadata.namespace ?? ''}/${object.metadata.name}`

export function nameOf(key: ObjectKey): ObjectName {
  const slash = key.indexOf('/')
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

/** The reference that makes an object go when its owner does; only one owner may be the controller. */
export function controllerReference(owner: KubeObject): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  }
}

export const isControlledBy = (object: { metadata: Meta }, owner: { metadata: Meta }): boolean =>
  (object.metadata.ownerReferences ?? []).some(
    (reference) => reference.controller === true && reference.uid === owner.metadata.uid,
  )

export const isGoing = (object: { metadata: Meta }): boolean => object.metadata.deletionTimestamp !== undefined
