import { APPLIED_HASH, hashOf } from '../../desired/hash.ts'
import type { ResourceCache } from '../../kube/cache.ts'
import { ApiError, isForbidden } from '../../kube/errors.ts'
import { type KubeObject, keyOf } from '../../kube/object.ts'
import type { Resource } from '../../kube/resources.ts'
import type { Context } from '../context.ts'
import type { Happenings } from '../happenings.ts'
import { type Halt, retry, stalled, waiting } from '../outcome.ts'
import { differences } from './difference.ts'
import { ownershipOf } from './ownership.ts'

export type Wanted<T extends KubeObject> = {
  readonly kind: Resource<T>
  readonly cache: ResourceCache<T>
  /** The object that this one goes with. */
  readonly owner: KubeObject
  readonly wanted: T
  /** The owner's spec was reconciled before and has not changed since: what differs was changed by somebody else. */
  readonly settled: boolean
  /** Puts in what cannot be changed any more. */
  readonly keep?: (wanted: T, observed: T) => T
  /** Make it with a create, which fails where it is there already, instead of an apply, which would take it over. */
  readonly createOnly?: boolean
}

export type Ensured<T> =
  | { readonly object: T; readonly halt?: undefined }
  | { readonly object?: undefined; readonly halt: Halt }

/**
 * Brings one object to what is wanted, by server-side apply, and only if it differs: in a steady state nothing is written. What
 * somebody else had changed, though we had applied the same before, is told as drift.
 */
export async function ensure<T extends KubeObject>(
  context: Context,
  happenings: Happenings,
  spec: Wanted<T>,
): Promise<Ensured<T>> {
  const { kind, owner } = spec
  const at = { namespace: spec.wanted.metadata.namespace ?? '', name: spec.wanted.metadata.name }
  const hash = hashOf(spec.wanted)
  // One that lost our label is not in the cache.
  const observed = spec.cache.get(at) ?? (await context.client.find(kind, at))
  const annotations = { ...spec.wanted.metadata.annotations, [APPLIED_HASH]: hash }
  const annotated = { ...spec.wanted, metadata: { ...spec.wanted.metadata, annotations } }
  if (observed === undefined) return make(context, happenings, spec, annotated)

  const named = `${kind.kind} ${at.name}`
  switch (ownershipOf(observed, owner)) {
    case 'leaving':
      return { halt: waiting('ObjectLeaving', `waits for ${named} to be gone, which is being deleted`) }
    case 'foreign': {
      const advice = `rename the ${owner.kind}, or remove the ${kind.kind}`
      return { halt: stalled('ObjectNameTaken', `${named} is there already and is not ours; ${advice}`) }
    }
    case 'ours':
      break
  }
  const wanted = spec.keep?.(annotated, observed) ?? annotated
  const fields = differences(wanted, observed)
  const key = keyOf(observed)
  if (fields.length === 0 || context.overridden.has(kind.kind, key, hash, fields)) return { object: observed }

  const ensured = await write(context, spec, () => correct(context, kind, wanted))
  if (ensured.halt !== undefined) return ensured
  const left = differences(wanted, ensured.object)
  context.overridden.note(kind.kind, key, hash, left)
  if (left.length > 0) happenings.overridden(named, left)
  if (observed.metadata.annotations?.[APPLIED_HASH] === hash && left.length < fields.length) {
    happenings.drift(kind.kind, `${named}: ${fields.join(', ')} had been changed and was put back`)
  }
  return ensured
}

/**
 * An apply merges lists item by item, so an item whose key somebody changed stays beside ours, and may clash with it: a Service port
 * with another number and the same name. Where it is refused, fields are first replaced as a whole.
 */
async function correct<T extends KubeObject>({ client }: Context, kind: Resource<T>, wanted: T): Promise<T> {
  try {
    return await client.apply(kind, wanted)
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 422) throw error
    const { metadata, ...fields } = wanted
    await client.mergePatch(kind, { namespace: metadata.namespace ?? '', name: metadata.name }, fields)
    return client.apply(kind, wanted)
  }
}

async function make<T extends KubeObject>(
  context: Context,
  happenings: Happenings,
  spec: Wanted<T>,
  wanted: T,
): Promise<Ensured<T>> {
  const { kind, settled, createOnly } = spec
  const ensured = await write(context, spec, () =>
    createOnly === true ? context.client.create(kind, wanted) : context.client.apply(kind, wanted),
  )
  if (ensured.halt === undefined && settled) {
    happenings.drift(kind.kind, `${kind.kind} ${wanted.metadata.name} had been removed and was made again`)
  }
  return ensured
}

async function write<T extends KubeObject>(
  context: Context,
  { kind, cache, wanted }: Wanted<T>,
  send: () => Promise<T>,
): Promise<Ensured<T>> {
  try {
    const object = await send()
    cache.wrote(object)
    context.log.info({ kind: kind.kind, name: wanted.metadata.name }, 'applied')
    return { object }
  } catch (error) {
    if (!isRefusal(error)) throw error
    const message = `the API server refuses ${kind.kind} ${wanted.metadata.name}: ${error.detail} (${error.advice})`
    // An API server that has just started refuses what it has not read the roles for yet.
    return { halt: isForbidden(error) ? retry('ApplyRefused', message, error) : stalled('ApplyRefused', message) }
  }
}

/** An answer to what was sent, not to when. */
const isRefusal = (error: unknown): error is ApiError =>
  error instanceof ApiError && [400, 403, 422].includes(error.status)
