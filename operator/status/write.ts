import type { Condition } from '../../crds/index.ts'
import { hashOf } from '../desired/hash.ts'
import type { ResourceCache } from '../kube/cache.ts'
import { isNotFound } from '../kube/errors.ts'
import type { KubeObject } from '../kube/object.ts'
import type { Resource } from '../kube/resources.ts'
import type { Context } from '../reconcile/context.ts'

type Status = { conditions?: Condition[] | undefined }
type WithStatus<S> = KubeObject & { status?: S }

/** The one writer of status, at the end of a reconcile. What is there already is not written again. */
export async function writeStatus<S extends Status, T extends WithStatus<S>>(
  { client, log }: Pick<Context, 'client' | 'log'>,
  kind: Resource<T>,
  cache: ResourceCache<T>,
  stored: T,
  status: S,
  ownConditions: readonly string[],
): Promise<void> {
  if (stored.status !== undefined && hashOf(ours(stored.status, ownConditions)) === hashOf(ours(status, ownConditions)))
    return
  const { name, namespace = '' } = stored.metadata
  try {
    cache.wrote(await client.applyStatus(kind, { name, namespace }, status))
    log.debug({ kind: kind.kind, name, namespace }, 'status written')
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

/** Conditions of other writers are theirs. */
function ours<S extends Status>(status: S, types: readonly string[]): S {
  const conditions = (status.conditions ?? [])
    .filter(({ type }) => types.includes(type))
    .toSorted((a, b) => (a.type < b.type ? -1 : 1))
  return { ...status, conditions }
}
