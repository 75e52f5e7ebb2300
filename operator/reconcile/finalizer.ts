import { GROUP } from '../../crds/index.ts'
import type { ResourceCache } from '../kube/cache.ts'
import { isNotFound } from '../kube/errors.ts'
import type { KubeObject } from '../kube/object.ts'
import type { Resource } from '../kube/resources.ts'
import type { Context } from './context.ts'

/** On Queues: the broker is asked before anything is removed. */
export const QUEUE_FINALIZER = `${GROUP}/queue`
/** On QueueBrokers: it stays while Queues need it. */
export const BROKER_FINALIZER = `${GROUP}/broker`

/** On QueueOperations: the broker is told that it is cancelled. */
export const OPERATION_FINALIZER = `${GROUP}/operation`

export const hasFinalizer = (object: KubeObject, finalizer: string): boolean =>
  object.metadata.finalizers?.includes(finalizer) ?? false

/** Adds it if it is not there. @throws ApiError 409 when the object changed meanwhile: the next try sees it as it is */
export async function addFinalizer<T extends KubeObject>(
  { client }: Context,
  kind: Resource<T>,
  cache: ResourceCache<T>,
  object: T,
  finalizer: string,
): Promise<void> {
  if (hasFinalizer(object, finalizer)) return
  cache.wrote(
    await client.mergePatch(kind, at(object), patch(object, [...(object.metadata.finalizers ?? []), finalizer])),
  )
}

/** Takes it away; the object goes if that was the last thing that held it. */
export async function removeFinalizer<T extends KubeObject>(
  { client }: Context,
  kind: Resource<T>,
  object: T,
  finalizer: string,
): Promise<void> {
  const rest = (object.metadata.finalizers ?? []).filter((other) => other !== finalizer)
  try {
    await client.mergePatch(kind, at(object), patch(object, rest))
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

const at = ({ metadata }: KubeObject) => ({ namespace: metadata.namespace ?? '', name: metadata.name })

/** With the resourceVersion, since the list is written as a whole and others may have theirs in it. */
const patch = ({ metadata }: KubeObject, finalizers: readonly string[]) => ({
  metadata: { resourceVersion: metadata.resourceVersion, finalizers },
})
