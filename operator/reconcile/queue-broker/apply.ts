import type { ResourceCache } from '../../kube/cache.ts'
import type { KubeObject } from '../../kube/object.ts'
import type { Resource } from '../../kube/resources.ts'
import { type Ensured, ensure, type Wanted } from '../objects/ensure.ts'
import { done, type Outcome } from '../outcome.ts'
import type { BrokerState } from './state.ts'

/** `ensure` for an object of the broker. */
export const ensureOf = <T extends KubeObject>(
  { context, happenings, stored, settled }: BrokerState,
  kind: Resource<T>,
  cache: ResourceCache<T>,
  wanted: T,
  more: Pick<Wanted<T>, 'keep' | 'createOnly'> = {},
): Promise<Ensured<T>> => ensure(context, happenings, { kind, cache, wanted, owner: stored, settled, ...more })

/** A step that is nothing but one object. */
export async function applied<T extends KubeObject>(ensuring: Promise<Ensured<T>>): Promise<Outcome> {
  const { halt } = await ensuring
  return halt ?? done
}
